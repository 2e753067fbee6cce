// What is on the screen as one .png file.
import { plotly } from "./surface.mjs";

export async function pictureOf(app) {
  const panels = app.panels.filter((panel) => !panel.section.hidden);
  const [width, height, gap, head] = [520, 420, 16, 64];
  const whole = document.createElement("canvas");
  whole.width = 3 * width + 4 * gap;
  whole.height = panels.length * (height + head + gap) + gap;
  const ink = whole.getContext("2d");
  ink.fillStyle = app.colours.paper;
  ink.fillRect(0, 0, whole.width, whole.height);
  for (const [row, panel] of panels.entries()) {
    const top = gap + row * (height + head + gap);
    ink.fillStyle = app.colours.ink;
    ink.font = "bold 20px system-ui, sans-serif";
    ink.fillText(panel.shown.name, gap, top + 20);
    ink.font = "15px system-ui, sans-serif";
    ink.fillText(panel.section.querySelector(".readout").textContent, gap, top + 44, whole.width - 2 * gap);
    const views = [panel.curves, panel.plane.hidden ? await turned(panel.surface) : panel.plane, panel.data];
    views.forEach((view, k) => {
      const scale = Math.min(width / view.width, height / view.height);
      ink.drawImage(view, gap + k * (width + gap), top + head, view.width * scale, view.height * scale);
    });
  }
  return whole;
}

async function turned(place) {
  const image = new Image();
  image.src = await (await plotly()).toImage(place, { format: "png", width: 800, height: 640 });
  await image.decode();
  return image;
}

/** Save it through the browser; returns what to say. */
export async function saved(app) {
  const whole = await pictureOf(app);
  const link = document.createElement("a");
  link.download = `lossland ${app.state.pair}.png`;
  link.href = whole.toDataURL("image/png");
  link.click();
  return `Saved as ${link.download}.`;
}
