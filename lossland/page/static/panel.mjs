// One pair's row: its card in words, what the run has come to, and the three views.
import { curvesInWords, drawCurves, isDead, isWrong } from "./curves_view.mjs";
import { dataInWords, drawData } from "./data_view.mjs";
import { worded } from "./glossary.mjs";
import { keysOfCurves, keysOfData, keysOfPlane, putKeys } from "./keys.mjs";
import { NAMES } from "./objective.mjs";
import { told } from "./paint.mjs";
import { drawPlane, planeInWords } from "./plane_view.mjs";
import { drawSurface, turn, TURNING } from "./surface.mjs";

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
    held: { eye: null },
  };
  panel.surface.addEventListener("keydown", (event) => {
    if (!TURNING.has(event.key)) return;
    event.preventDefault();
    turn(panel.surface, panel.held, event.key);
  });
  panel.draw = (app, shown) => {
    shown.veiled = app.veiled;
    // Before a guess the picture does not say where nothing pulls.
    if (app.veiled) shown.plateaus = new Uint8Array(shown.plateaus.length);
    panel.shown = shown;
    section.querySelector("h2").textContent = shown.name;
    if (panel.name !== shown.name) {
      panel.name = shown.name;
      cardInWords(part("verdict"), section.querySelector(".card ul"), shown.entry);
    }
    part("readout").textContent = readout(app.state, shown);
    part("slice").textContent = slice(shown);
    putKeys(part("dots"), keysOfCurves(shown, app.colours), app.colours);
    putKeys(part("marks"), keysOfPlane(shown, app.colours), app.colours);
    putKeys(part("lines"), keysOfData(shown, app.colours), app.colours);
    drawCurves(panel.curves, shown, app.colours);
    const flat = app.state.view === "contours";
    panel.plane.hidden = !flat;
    panel.surface.hidden = flat;
    if (flat) drawPlane(panel.plane, shown, app.colours);
    else panel.drawn = drawSurface(panel.surface, shown, app.colours, panel.held);
    panel.drawData(app);
    label(panel.curves, curvesInWords(shown));
    label(panel.plane, planeInWords(shown));
    label(panel.surface, `${planeInWords(shown, false)} In three dimensions: arrow keys turn it, plus and minus come nearer, 0 goes back.`);
    label(panel.data, `${dataInWords(shown)} Keys: [ and ] choose, arrows move, comma and full stop soften the label, F flips it, A adds, Delete removes.`);
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

/** The first sentences of a card in a line, without formulas, and all of them in a list, each with its mark. */
export function cardInWords(line, list, entry) {
  const seen = new Set();
  line.replaceChildren(...entry.headline.flatMap(([text, status]) => [...markOf(status), ...worded(`${text} `, seen)]));
  list.replaceChildren(...entry.verdicts.map(([sign, text, status]) => {
    const item = document.createElement("li");
    item.append(`${sign || "·"} `, ...markOf(status), text);
    item.className = SIGNS[sign];
    return item;
  }));
}

/** How certain a sentence is, as a sign and a word. */
function markOf(status) {
  if (!MARKS[status]) return [];
  const sign = document.createElement("span");
  sign.textContent = `${MARKS[status]} ${status}`;
  sign.className = `mark ${status}`;
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
