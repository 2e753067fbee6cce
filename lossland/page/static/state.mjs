// Everything that a link carries. The address after # holds what differs from the start.

export const START = {
  pair: "relu+hinge",
  second: "",
  data: "gaussians",
  points: null,
  l2: 0.01,
  optimiser: "gd",
  rate: 0.3,
  steps: 200,
  start: [-1.5, 1.5, 0.5],
  tie: 0,
  axes: "w1,w2",
  half: 0,
  view: "contours",
  step: 0,
  tour: 0,
};

const short = (x) => String(Number(x.toFixed(4)));

/** A label in a link: p, n, or of a soft one the probability of p. */
const labelled = (t) => ({ 1: "p", "-1": "n" })[t] ?? short((1 + t) / 2);
const labelOf = (text) => ({ p: 1, n: -1 })[text] ?? 2 * Number(text || NaN) - 1;

/** A state as the text after #. */
export function encoded(state) {
  const held = new URLSearchParams();
  for (const [name, first] of Object.entries(START)) {
    const value = state[name];
    if (JSON.stringify(value) === JSON.stringify(first)) continue;
    if (name === "points") held.set(name, value.map(([x, y, t]) => `${short(x)}_${short(y)}_${labelled(t)}`).join("~"));
    else if (name === "start") held.set(name, value.map((x) => String(Number(x.toPrecision(12)))).join("~"));
    else held.set(name, String(value));
  }
  return held.toString();
}

/** The state that a text after # means; what it does not say, or says wrongly, is as at the start. */
export function decoded(text) {
  const held = new URLSearchParams(text);
  const state = structuredClone(START);
  for (const [name, first] of Object.entries(START)) {
    if (!held.has(name)) continue;
    const said = held.get(name);
    if (name === "points") {
      const points = said.split("~").map((part) => part.split("_")).map(([x, y, t]) => [Number(x), Number(y), labelOf(t)]);
      if (points.length <= 200 && points.every((p) => p.every(Number.isFinite) && Math.abs(p[2]) <= 1)) state.points = points;
    } else if (name === "start") {
      const start = said.split("~").map(Number);
      if (start.length === 3 && start.every(Number.isFinite)) state.start = start;
    } else if (typeof first === "number") {
      if (Number.isFinite(Number(said))) state[name] = Number(said);
    } else state[name] = said;
  }
  return state;
}
