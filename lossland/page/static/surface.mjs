// The landscape in three dimensions, by plotly.js, which is unpacked when it is first asked for.
import { NAMES } from "./objective.mjs";
import { told, VIRIDIS } from "./paint.mjs";
import { unpacked } from "./tables.mjs";

let loading = null;
const EYE = { x: 1.35, y: -1.45, z: 0.95 };
const SIGNS = { star: "★", diamond: "◆", triangle: "▲" };

export function plotly() {
  loading ??= unpacked(document.getElementById("plotly").textContent).then((bytes) => {
    const script = document.createElement("script");
    script.textContent = new TextDecoder().decode(bytes);
    document.head.append(script);
    return window.Plotly;
  });
  return loading;
}

/** Draw it; `held.eye` is where it is seen from, which dragging and keys change. */
export async function drawSurface(place, shown, colours, held) {
  const library = await plotly();
  const [i, j] = shown.window.axes;
  const name = (k) => ({ title: { text: NAMES[k] }, color: colours.ink, gridcolor: colours.line });
  const layout = {
    margin: { l: 0, r: 0, t: 0, b: 0 },
    showlegend: false,
    uirevision: "keep",
    paper_bgcolor: "rgba(0,0,0,0)",
    font: { color: colours.ink, size: 11 },
    scene: {
      aspectmode: "cube",
      camera: { eye: held.eye ?? EYE, center: { x: 0, y: 0, z: -0.12 } },
      xaxis: name(i),
      yaxis: name(j),
      zaxis: { ...name(i), title: { text: "objective" } },
    },
  };
  await library.react(place, tracesOf(shown, colours), layout, { responsive: true, displayModeBar: false });
  if (held.listens) return;
  held.listens = true;
  place.on("plotly_relayout", (change) => {
    if (change["scene.camera"]) held.eye = change["scene.camera"].eye;
  });
}

/** The surface, the runs a little above it, and each optimum as a flag that the surface cannot hide. */
export function tracesOf(shown, colours) {
  const { surface, run, beside } = shown;
  const { high, low } = surface.shades;
  const rows = Array.from({ length: surface.n }, (_, k) =>
    Array.from(surface.values.subarray(k * surface.n, (k + 1) * surface.n), (v) => (Number.isFinite(v) ? Math.min(v, high) : null)),
  );
  const ground = {
    type: "surface",
    x: Array.from(surface.across),
    y: Array.from(surface.up),
    z: rows,
    colorscale: VIRIDIS.map((rgb, k) => [k / 10, `rgb(${rgb})`]),
    showscale: false,
    hoverinfo: "x+y+z",
    contours: { z: { show: true, color: "rgba(255,255,255,0.5)", start: low, end: high, size: (high - low) / 14 } },
  };
  const runs = shown.veiled
    ? [ran(shown, { path: run.path.slice(0, 1), values: run.values, step: 0 }, colours[shown.colour], "solid")]
    : [ran(shown, { ...run, step: shown.step }, colours[shown.colour], "solid"), ...(beside ? [ran(shown, beside, colours[beside.colour], "dash")] : [])];
  return [ground, ...runs, ...shown.optima.map((best) => flag(shown, best, colours))];
}

function ran(shown, { path, values, step }, colour, dash) {
  const [i, j] = shown.window.axes;
  const { high, low } = shown.surface.shades;
  const lift = 0.01 * (high - low);
  const held = path.slice(0, Math.min(step, path.length - 1) + 1).map((p, k) => [p[i], p[j], values[k] + lift]).filter((p) => p[2] <= high);
  return {
    type: "scatter3d",
    mode: "lines+markers",
    x: held.map((p) => p[0]),
    y: held.map((p) => p[1]),
    z: held.map((p) => p[2]),
    hoverinfo: "x+y+z",
    line: { color: colour, width: 6, dash },
    marker: { size: held.map((_, k) => (k === held.length - 1 ? 6 : 1)), color: colour },
  };
}

/** A pole from the surface up to above its highest place shown, with the legend's sign on top. */
function flag(shown, best, colours) {
  const [i, j] = shown.window.axes;
  const { high, low } = shown.surface.shades;
  // Of different heights, so that signs of neighbours do not cover each other.
  const top = high + (high - low) * { star: 0.12, diamond: 0, triangle: 0.24 }[best.shape];
  const [x, y] = [best.params[i], best.params[j]];
  const inside = Math.max(Math.abs(x - shown.window.middle[i]), Math.abs(y - shown.window.middle[j])) <= shown.window.half;
  const foot = heightAt(shown.surface, x, y);
  return {
    type: "scatter3d",
    mode: "lines+text",
    x: inside ? [x, x] : [],
    y: inside ? [y, y] : [],
    z: inside ? [Math.min(foot, high), top] : [],
    text: ["", SIGNS[best.shape]],
    textposition: "top center",
    textfont: { size: 20, color: colours[best.colour] },
    line: { color: colours[best.colour], width: 7 },
    hovertext: `${best.name}: ${told(x)}, ${told(y)}`,
    hoverinfo: "text",
  };
}

/** The surface's value at the grid's place next to (x, y). */
function heightAt({ across, up, values, n }, x, y) {
  const place = (line, v) => Math.min(Math.max(Math.round(((v - line[0]) / (line[n - 1] - line[0])) * (n - 1)), 0), n - 1);
  return values[place(up, y) * n + place(across, x)];
}

/** Turn it by keys: arrows turn, plus and minus come nearer, 0 goes back. */
export async function turn(place, held, key) {
  const { x, y, z } = held.eye ?? EYE;
  const far = Math.hypot(x, y, z);
  let [round, up, size] = [Math.atan2(y, x), Math.asin(z / far), far];
  if (key === "ArrowLeft") round -= 0.15;
  else if (key === "ArrowRight") round += 0.15;
  else if (key === "ArrowUp") up = Math.min(up + 0.12, 1.5);
  else if (key === "ArrowDown") up = Math.max(up - 0.12, -1.5);
  else if (key === "+" || key === "=") size /= 1.15;
  else if (key === "-") size *= 1.15;
  held.eye = key === "0" ? EYE : { x: size * Math.cos(up) * Math.cos(round), y: size * Math.cos(up) * Math.sin(round), z: size * Math.sin(up) };
  await (await plotly()).relayout(place, { "scene.camera.eye": held.eye });
}

export const TURNING = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "+", "=", "-", "0"]);
