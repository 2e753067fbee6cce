// The legends: each sign is drawn by the code that draws it in the view.
import { curveOf } from "./curves_view.mjs";
import { drawn, example, LINES } from "./data_view.mjs";
import { cross, slanted, told, viridis } from "./paint.mjs";
import { beginning, optimum, ran } from "./plane_view.mjs";

const [WIDE, TALL] = [30, 18];

/** Put signs and words into a legend, unless they stand there already. */
export function putKeys(place, keys, colours) {
  const stamp = JSON.stringify([keys.map((key) => key.text), colours]);
  if (place.dataset.stamp === stamp) return;
  place.dataset.stamp = stamp;
  place.replaceChildren(...keys.map(({ sign, text, dark }) => {
    const item = document.createElement("span");
    item.className = "key";
    if (sign) item.append(glyph(sign, dark));
    item.append(text);
    return item;
  }));
}

/** A small drawing; what is drawn on a landscape stands on a landscape's ground. */
function glyph(sign, dark) {
  const canvas = document.createElement("canvas");
  const ratio = Math.min(window.devicePixelRatio || 1, 3);
  canvas.setAttribute("aria-hidden", "true");
  [canvas.width, canvas.height] = [WIDE * ratio, TALL * ratio];
  const ink = canvas.getContext("2d");
  ink.scale(ratio, ratio);
  if (dark) {
    ink.fillStyle = `rgb(${viridis(0.3).map(Math.round)})`;
    ink.fillRect(0, 0, WIDE, TALL);
  }
  sign(ink);
  return canvas;
}

const MIDDLE = [[2, TALL / 2], [WIDE - 2, TALL / 2]];
const WITHIN = [[7, TALL / 2], [WIDE - 7, TALL / 2]];

export function keysOfCurves(shown, colours) {
  const line = (which) => (ink) => {
    curveOf(ink, MIDDLE, which, colours);
    if (which !== "other") example(ink, WIDE / 2, TALL / 2, 4, which === "positive" ? 1 : -1, true, colours);
  };
  const keys = [
    { sign: line("positive"), text: "positives" },
    { sign: line("negative"), text: "negatives" },
    { sign: (ink) => cross(ink, WIDE / 2, TALL / 2, 4, colours.ink), text: "dead: wrong, and nothing pulls" },
  ];
  if (shown.beside) keys.push({ sign: line("other"), text: shown.beside.name });
  return [...keys, { text: "Larger dots pull more." }];
}

export function keysOfPlane(shown, colours) {
  const moved = ({ path, colour }, dash) => (ink) => ran(ink, { path: path.length ? WITHIN : [], step: 1 }, (p) => p, colours[colour], dash);
  const keys = [{ dark: true, sign: (ink) => beginning(ink, [WIDE / 2, TALL / 2], colours[shown.colour]), text: "start" }];
  if (!shown.veiled) keys.push({ dark: true, sign: moved({ ...shown.run, colour: shown.colour }, []), text: "this run" });
  if (shown.beside && !shown.veiled) keys.push({ dark: true, sign: moved(shown.beside, [6, 4]), text: `run of ${shown.beside.name}` });
  for (const best of shown.optima) {
    keys.push({ dark: true, sign: (ink) => optimum(ink, best, WIDE / 2, TALL / 2, colours), text: `${best.name} (${howSure(best)})` });
  }
  if (!shown.optima.length) keys.push({ text: "No optimum is marked: that takes a penalty l2 above 0 and both classes." });
  if (shown.plateaus.some(Boolean)) {
    const box = { left: 0, right: WIDE, top: 0, bottom: TALL };
    keys.push({ dark: true, sign: (ink) => slanted(ink, box), text: "plateau: nothing pulls" });
  }
  return keys;
}

/** How certain a marked place is. */
function howSure(best) {
  if (best.found) return "not proven lowest";
  return best.exact ? "exact" : `approximate: to 1e${Math.ceil(Math.log10(best.gap))} of the objective`;
}

export function keysOfData(shown, colours) {
  const line = (which) => (ink) => drawn(ink, MIDDLE, colours[LINES[which][0]], ...LINES[which].slice(1));
  const dot = (label, pulls) => (ink) => example(ink, WIDE / 2, TALL / 2, 5, label, pulls, colours);
  const keys = [
    { sign: dot(1, true), text: "positive" },
    { sign: dot(-1, true), text: "negative" },
    { sign: dot(1, false), text: "hollow: nothing pulls" },
    { sign: line("decision"), text: "z = 0" },
    { sign: line("margin"), text: "margins z = ±1" },
  ];
  if (shown.threshold) keys.push({ sign: line("threshold"), text: `z = ${told(shown.threshold)}, the calibrated threshold` });
  if (shown.points.some((p) => Math.abs(p[2]) < 1)) keys.push({ sign: dot(0.1, true), text: "soft label: a colour between" });
  for (const best of shown.optima) keys.push({ sign: (ink) => drawn(ink, MIDDLE, colours[best.colour], 1.8, best.dash), text: `line of ${best.name}` });
  return keys;
}
