// One pair's row: its card in words, what the run has come to, and the three views.
import { curvesInWords, drawCurves, isDead, isWrong } from "./curves_view.mjs";
import { dataInWords, drawData } from "./data_view.mjs";
import { NAMES } from "./objective.mjs";
import { told } from "./paint.mjs";
import { drawPlane, planeInWords } from "./plane_view.mjs";
import { drawSurface } from "./surface.mjs";

const SIGNS = { "+": "good", "-": "bad", "": "" };
const MARKS = { proven: "✓", refuted: "✗", measured: "~" };

export function panelOf(section, slot) {
  section.append(document.getElementById("panel").content.cloneNode(true));
  const part = (name) => section.querySelector(`.${name}`);
  const panel = {
    section,
    slot,
    shown: null,
    scale: null,
    curves: section.querySelector("canvas.curves"),
    plane: section.querySelector("canvas.plane"),
    data: section.querySelector("canvas.data"),
    surface: part("surface"),
  };
  panel.draw = (app, shown) => {
    panel.shown = shown;
    section.querySelector("h2").textContent = shown.name;
    if (panel.name !== shown.name) {
      panel.name = shown.name;
      cardInWords(part("verdict"), section.querySelector(".card ul"), shown.entry);
    }
    part("readout").textContent = readout(app.state, shown);
    part("slice").textContent = slice(shown);
    part("marks").replaceChildren(...legend(shown));
    part("lines").textContent = lines(shown);
    drawCurves(panel.curves, shown, app.colours);
    const flat = app.state.view === "contours";
    panel.plane.hidden = !flat;
    panel.surface.hidden = flat;
    if (flat) drawPlane(panel.plane, shown, app.colours);
    else panel.drawn = drawSurface(panel.surface, shown, app.colours);
    panel.drawData(app);
    label(panel.curves, curvesInWords(shown));
    label(panel.plane, planeInWords(shown));
    label(panel.data, `${dataInWords(shown)} Keys: [ and ] choose, arrows move, F flips, A adds, Delete removes.`);
  };
  panel.drawData = (app) => {
    if (!panel.shown || section.hidden) return;
    panel.scale = drawData(panel.data, { ...panel.shown, hover: app.hover, chosen: app.chosen, frozen: app.window }, app.colours);
    part("hover").textContent = app.hover ? `dashed: ${NAMES.map((name, k) => `${name} = ${app.hover[k].toFixed(2)}`).join(", ")}` : "";
  };
  return panel;
}

function label(canvas, text) {
  if (canvas.getAttribute("aria-label") !== text) canvas.setAttribute("aria-label", text);
}

/** The first sentences of a card in a line and all of them in a list, each with its mark. */
export function cardInWords(line, list, entry) {
  line.replaceChildren(...entry.verdicts.slice(0, 3).flatMap(([, text, status]) => [...markOf(status), `${text} `]));
  list.replaceChildren(...entry.verdicts.map(([sign, text, status]) => {
    const item = document.createElement("li");
    item.append(`${sign || "·"} `, ...markOf(status), text);
    item.className = SIGNS[sign];
    return item;
  }));
}

/** The mark of a sentence, with what it means for those who point at it or have it read to them. */
function markOf(status) {
  if (!MARKS[status]) return [];
  const sign = document.createElement("span");
  sign.textContent = MARKS[status];
  sign.className = "mark";
  sign.title = status;
  sign.setAttribute("role", "img");
  sign.setAttribute("aria-label", status);
  return [sign, " "];
}

function readout(state, shown) {
  const { seen, points, run } = shown;
  const wrong = (threshold) => points.filter((p, i) => isWrong(p, seen.scores[i], threshold)).length;
  const dead = points.filter((p, i) => isDead(p, seen.scores[i], seen.slopes[i])).length;
  const parts = [`objective ${told(seen.value)}`, `errors ${wrong(0)} of ${points.length} at z > 0`];
  if (shown.threshold) parts.push(`${wrong(shown.threshold)} at z > ${told(shown.threshold)}`);
  parts.push(`dead ${dead}`, `w1 ${told(shown.at[0])}, w2 ${told(shown.at[1])}, b ${told(shown.at[2])}`);
  if (run.diverged) parts.push(`the run leaves all bounds at step ${run.path.length - 1}: take smaller steps`);
  return parts.join(" · ");
}

function slice(shown) {
  const fixed = 3 - shown.window.axes[0] - shown.window.axes[1];
  return `at ${NAMES[fixed]} = ${shown.at[fixed].toFixed(2)}`;
}

function lines(shown) {
  const threshold = shown.threshold ? ` Finely dotted: z = ${told(shown.threshold)}, the calibrated threshold.` : "";
  return `Solid: z = 0. Dotted: z = ±1, the margins.${threshold} ${shown.optima.length ? " Coloured dashes: the optima's." : ""} Hollow: nothing pulls.`;
}

function legend(shown) {
  const said = [];
  const add = (text, colour) => {
    const item = document.createElement(colour ? "b" : "span");
    item.textContent = text;
    if (colour) item.style.color = `var(--${colour})`;
    said.push(item, " ");
  };
  add("□ start ● now");
  const signs = { star: "★", diamond: "◆" };
  for (const best of shown.optima) add(`${signs[best.shape]} ${best.name}`, best.colour);
  if (!shown.optima.length) add("(no exact optimum is marked)");
  else if (shown.optima.every((best) => best.exact)) add("(exact)");
  else add(`(approximate: to ${Math.max(...shown.optima.map((b) => b.gap)).toExponential(0)} of the objective)`);
  if (shown.plateaus.some(Boolean)) add("/// plateau");
  return said;
}
