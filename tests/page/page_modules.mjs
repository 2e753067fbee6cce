// The page's modules on their own, without a browser: node --test tests/page/page_modules.mjs
import assert from "node:assert/strict";
import test from "node:test";
import { descend, leastOf } from "../../lossland/page/static/descent.mjs";
import { floorOf, isTheSvm, lowestOf, pairWithFloor } from "../../lossland/page/static/floors.mjs";
import { GLOSSARY, pieces } from "../../lossland/page/static/glossary.mjs";
import { leastCosts, look, plateausOf, problemOf, surfaceOf } from "../../lossland/page/static/objective.mjs";
import { colourOf, contours, shades, ticks } from "../../lossland/page/static/paint.mjs";
import { cardInWords } from "../../lossland/page/static/panel.mjs";
import { PRESETS } from "../../lossland/page/static/presets.mjs";
import { decoded, encoded, START } from "../../lossland/page/static/state.mjs";
import { addAlong, curvesOf, slopeAt, valueAt } from "../../lossland/page/static/tables.mjs";
import { TOUR } from "../../lossland/page/static/tour.mjs";

/** A table as Python packs it: for each node score, and [value, slope, bend] of positives and of negatives. */
function packed(nodes, ties = []) {
  const buffer = new ArrayBuffer(32 * nodes.length + 32 * ties.length);
  new Float64Array(buffer, 0, nodes.length).set(nodes.map((node) => node[0]));
  const rows = new Float32Array(buffer, 8 * nodes.length, 6 * nodes.length);
  for (let order = 0; order < 3; order++) {
    for (let row = 0; row < 2; row++) nodes.forEach((node, i) => (rows[(2 * order + row) * nodes.length + i] = node[1 + row][order]));
  }
  new Float32Array(buffer, 32 * nodes.length).set(ties.flat(3));
  return curvesOf(buffer, { nodes: nodes.length, kinks: ties.length, at: 0 });
}

// max(0, 1 - z) and max(0, 1 + z), the kinks with the tie's two ends.
const hinge = packed(
  [
    [-100, [101, -1, 0], [0, 0, 0]],
    [-1, [2, -1, 0], [0, 0, 0]],
    [-1, [2, -1, 0], [0, 1, 0]],
    [1, [0, -1, 0], [2, 1, 0]],
    [1, [0, 0, 0], [2, 1, 0]],
    [100, [0, 0, 0], [101, 1, 0]],
  ],
  [
    [[[2, 0], [-1, 0]], [[2, 0], [-1, 1]]],
    [[[0, 2], [0, 1]], [[0, 2], [-1, 1]]],
  ],
);
// z^2 on both sides: one cell is exact, and so is what lies beyond it.
const square = packed([
  [-2, [4, -4, 2], [4, -4, 2]],
  [2, [4, 4, 2], [4, 4, 2]],
]);

test("values and slopes between the nodes, at kinks and beyond the ends", () => {
  for (const z of [-150, -3, -1, 0.25, 1, 7, 150]) {
    assert.ok(Math.abs(valueAt(hinge.positive, z) - Math.max(0, 1 - z)) < 1e-12, String(z));
    assert.ok(Math.abs(valueAt(square.negative, z) - z * z) < 1e-9, String(z));
    assert.ok(Math.abs(slopeAt(square.positive, z) - 2 * z) < 1e-9, String(z));
  }
  assert.equal(slopeAt(hinge.positive, 1, 0), 0);
  assert.equal(slopeAt(hinge.positive, 1, 0.5), -0.5);
  assert.equal(slopeAt(hinge.positive, 1 - 1e-9, 0.5), -1);
  assert.ok(Number.isNaN(valueAt(hinge.positive, NaN)));
});

/** The hinge of max(z, -c): its positives are level below -c, its negatives at least 1 - c. */
function floored(c) {
  const kinks = [-c, -1, 1].sort((a, b) => a - b);
  const node = (z, right) => {
    const above = (from) => (right ? z >= from : z > from);
    const positive = above(-c) ? [Math.max(0, 1 - z), above(1) ? 0 : -1, 0] : [1 + c, 0, 0];
    const negative = above(Math.max(-c, -1)) ? [Math.max(0, 1 + z), 1, 0] : [Math.max(0, 1 - c), 0, 0];
    return [z, positive, negative];
  };
  const ends = [node(-100, true), node(100, false)];
  const tied = kinks.map((z) => [0, 1].map(() => [0, 1].map((order) => [1, 2].map((side) => node(z, true)[side][order]))));
  return packed([ends[0], ...kinks.flatMap((z) => [node(z, false), node(z, true)]), ends[1]], tied);
}

const points = [[1, 0, 1], [2, 1, 1], [-1, 0.5, -1], [0.5, -1, -1], [0.2, 0.1, 1]];

test("the gradient is that of differences, and a surface holds what single looks give", () => {
  const problem = problemOf(square, points, 0.3, 0);
  const at = [0.3, -0.7, 0.2];
  const { gradient } = look(problem, at);
  for (let k = 0; k < 3; k++) {
    const moved = (h) => look(problem, at.map((p, i) => p + (i === k ? h : 0))).value;
    assert.ok(Math.abs((moved(1e-5) - moved(-1e-5)) / 2e-5 - gradient[k]) < 1e-8);
  }
  const window = { axes: [0, 2], middle: [0, 0, 0], half: 2, steps: 5 };
  const surface = surfaceOf(problem, window, at);
  for (let row = 0; row < 5; row++) {
    for (let column = 0; column < 5; column++) {
      const value = look(problem, [surface.across[column], at[1], surface.up[row]]).value;
      assert.ok(Math.abs(surface.values[5 * row + column] - value) < 1e-12);
    }
  }
});

test("a plateau is where nothing pulls above the least value, the bottom is none", () => {
  const problem = problemOf(hinge, [[1, 0, 1]], 0, 0);
  const window = { axes: [0, 1], middle: [0, 0, 0], half: 3, steps: 7 };
  assert.ok(plateausOf(problem, window, [0, 0, 0], [0, 0]).every((flat) => flat === 0));
  const raised = plateausOf(problem, window, [0, 0, 0], [-1, 0]);
  assert.equal(raised[6], 1);
  assert.equal(raised[0], 0);
});

test("gradient descent, momentum and Adam go as they are defined", () => {
  const problem = problemOf(square, [[1, 0, 1]], 0, 0);
  const gd = descend(problem, [1, 0, 0], "gd", 0.1, 2);
  assert.ok(Math.abs(gd.path[1][0] - 0.8) < 1e-12);
  const heavy = descend(problem, [1, 0, 0], "momentum", 0.1, 2);
  const second = 0.8 - 0.1 * (2 * (0.8 - 0.2) + 0.9 * 2);
  assert.ok(Math.abs(heavy.path[2][0] - second) < 1e-12);
  const adam = descend(problem, [1, 0, 0], "adam", 0.1, 1);
  assert.ok(Math.abs(adam.path[1][0] - 0.9) < 1e-6);
  assert.ok(descend(problem, [1, 0, 0], "gd", 100, 200).diverged);
});

test("the least value of a convex objective is bounded from below by its own gap", () => {
  const problem = problemOf(hinge, points, 0.05, 0);
  const best = leastOf(problem);
  assert.ok(best.gap < 1e-9);
  const { value } = look(problem, best.params);
  // Nothing near is lower, nor does a long run by small steps come lower.
  const run = descend(problem, [0, 0, 0], "gd", 0.003, 20000);
  assert.ok(Math.min(...run.values) >= value - 1e-9);
  assert.ok(Math.min(...run.values) <= value + 1e-3);
  assert.equal(leastOf(problemOf(hinge, points, 0, 0)), null);
  assert.equal(leastOf(problemOf(hinge, [[1, 0, 1]], 1, 0)), null);
});

test("the gap holds on many points, where the ellipsoid becomes thin", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const part = (k) => ((seed * 0.37 + k * 0.7548776662466927) % 1) + ((seed * 0.11 + k * 0.5698402909980532) % 1) - 1;
    const many = Array.from({ length: 120 }, (_, k) => [2 * part(k) + (k % 2 ? 0.9 : -0.9), 2 * part(k + 500) + (k % 2 ? 0.8 : -0.8), k % 2 ? 1 : -1]);
    const problem = problemOf(hinge, many, 0.01, 0);
    const best = leastOf(problem);
    assert.ok(best.gap >= 0 && best.gap < 1e-9, String(best.gap));
    for (let k = 1; k <= 3000; k++) {
      const near = best.params.map((p, i) => p + 10 ** -(k % 6) * part(10 * k + i));
      assert.ok(look(problem, near).value >= best.value - best.gap - 1e-12);
    }
  }
});

test("a state survives its link, and a broken link gives the start", () => {
  const state = { ...START, pair: "softplus(tie=1)+hinge", points: [[0.5, -1.25, -1], [3, 2, 1], [1, 1, 0.5]], start: [1 / 3, -2, 0], l2: 1e-4, step: 7 };
  const again = decoded(encoded(state));
  assert.deepEqual({ ...again, start: state.start }, state);
  assert.ok(Math.abs(again.start[0] - 1 / 3) < 1e-11);
  assert.equal(decoded("points=1_1_1.5").points, null);
  assert.equal(decoded("points=1_1_").points, null);
  assert.deepEqual(decoded("start=a~b~c&points=1_x_p&rate=no"), START);
  assert.equal(encoded(START), "");
});

test("ticks are round, contours lie where the value is", () => {
  assert.deepEqual(ticks(-3, 3, 6), [-3, -2, -1, 0, 1, 2, 3]);
  const values = Float64Array.from({ length: 9 }, (_, k) => k % 3);
  assert.deepEqual(contours({ n: 3, values }, [0.5, 1.25]).filter((_, k) => k % 2 === 0), [0.5, 0.5, 1.25, 1.25, 0.5, 0.5, 1.25, 1.25]);
  const scale = shades(Float64Array.from([1, 2, Infinity, 3]));
  assert.equal(scale.shade(1), 0);
  assert.equal(scale.level(0), 1);
});

/** As much of an element as the words of a card need. */
class Element {
  constructor() {
    this.parts = [];
    this.said = {};
    this.dataset = {};
  }
  append(...parts) {
    this.parts.push(...parts);
  }
  replaceChildren(...parts) {
    this.parts = parts;
  }
  setAttribute(name, value) {
    this.said[name] = value;
  }
  get text() {
    return this.textContent ?? this.parts.map((part) => part.text ?? part).join("");
  }
}

test("each sentence of a card bears its mark, and a fault none", () => {
  globalThis.document = { createElement: () => new Element() };
  const [line, list] = [new Element(), new Element()];
  const verdicts = [["-", "A fault.", ""], ["-", "Not convex.", "refuted"], ["+", "Calibrated; psi = theta.", "measured"], ["", "Flat.", "proven"]];
  const headline = [["A fault.", ""], ["Not convex.", "refuted"], ["Calibrated.", "measured"]];
  cardInWords(line, list, { verdicts, headline });
  assert.equal(line.text, "A fault. ✗ refuted Not convex. ~ measured Calibrated. ");
  assert.deepEqual(list.parts.map((item) => item.text), ["- A fault.", "- ✗ refuted Not convex.", "+ ~ measured Calibrated; psi = theta.", "· ✓ proven Flat."]);
});

test("a soft label is as much of a positive as it says, and the rest of a negative", () => {
  const at = [0.4, -0.3, 0.2];
  const places = [[1, 0.5], [-2, 1]];
  const labelled = (label) => look(problemOf(hinge, places.map(([x, y]) => [x, y, label]), 0.1, 0), at);
  const [soft, positive, negative] = [labelled(0.5), labelled(1), labelled(-1)];
  assert.ok(Math.abs(soft.value - (0.75 * positive.value + 0.25 * negative.value)) < 1e-12);
  soft.gradient.forEach((g, k) => assert.ok(Math.abs(g - (0.75 * positive.gradient[k] + 0.25 * negative.gradient[k])) < 1e-12));
  // Half and half of the hinge: level at 1 between the kinks, which is its least and no plateau.
  const halves = problemOf(hinge, [[1, 0, 0]], 0, 0);
  assert.deepEqual([...leastCosts(halves, [0, 0])], [1]);
  const window = { axes: [0, 1], middle: [0, 0, 0], half: 0.5, steps: 5 };
  assert.ok(plateausOf(halves, window, [0, 0, 0], [0, 0]).every((flat) => flat === 0));
  assert.equal(colourOf(0, { positive: "#000000", negative: "#ffffff" }), "rgb(128,128,128)");
});

test("a row of a landscape holds the values of its places, on kinks and beyond the table too", () => {
  for (const curve of [hinge.positive, hinge.negative, square.positive, floored(0.5).positive]) {
    const across = Float64Array.from({ length: 41 }, (_, k) => -5 + k / 4);
    for (const x of [1, -1, 0, 30, -0.3]) {
      const values = new Float64Array(across.length + 1);
      addAlong(curve, values, 1, across.length, 0.5, x, across, 0.25, 0);
      across.forEach((v, k) => assert.ok(Math.abs(values[k + 1] - 0.25 * valueAt(curve, 0.5 + x * v)) < 1e-9));
    }
  }
});

test("the lowest place found of max(z, -c) is as low as any of a fine grid, and the SVM's once nothing is cut", () => {
  const few = [[1.5, 0.5, 1], [0.4, 1, 1], [-2.5, 0.3, 1], [-1, -0.5, -1], [-0.2, -1.2, -1], [0.6, 0.1, -1]];
  const svm = leastOf(problemOf(hinge, few, 0.1, 0));
  for (const c of [0, 0.5, 2, 8]) {
    const curves = floored(c);
    const problem = problemOf(curves, few, 0.1, 0);
    const found = lowestOf(curves, hinge, svm.params, few, 0.1, c);
    assert.ok(found.value <= lowestOf(curves, hinge, svm.params, few, 0.1, c, true).value);
    assert.ok(Math.abs(look(problem, found.params).value - found.value) < 1e-12);
    let least = Infinity;
    for (let a = -3; a <= 3; a += 0.1) for (let b = -3; b <= 3; b += 0.1) for (let o = -3; o <= 3; o += 0.1) least = Math.min(least, look(problem, [a, b, o]).value);
    assert.ok(found.value <= least + 1e-9, `c = ${c}: ${found.value} above ${least}`);
    if (c === 8) {
      assert.ok(Math.abs(found.value - svm.value) < 1e-7);
      assert.ok(isTheSvm(problem, found.params, c));
    }
    if (c === 0) assert.ok(!isTheSvm(problem, found.params, c));
  }
});

test("the way from ReLU to the SVM is found by its floors", () => {
  const entries = new Map([
    ["relu+hinge", { activation: "relu", loss: "hinge", floor: null }],
    ["shifted_relu(c=0.5)+hinge", { activation: "shifted_relu(c=0.5)", loss: "hinge", floor: 0.5 }],
    ["identity+hinge", { activation: "identity", loss: "hinge", floor: null }],
  ]);
  assert.deepEqual([...entries.values()].map(floorOf), [0, 0.5, null]);
  assert.equal(pairWithFloor(entries, 0), "relu+hinge");
  assert.equal(pairWithFloor(entries, 0.5), "shifted_relu(c=0.5)+hinge");
});

test("a text gives its glossary's words once each, and reads as before", () => {
  const text = "The hinge pulls; two hinges, a soft label and its scores. Whinge is none.";
  const found = pieces(text);
  assert.equal(found.map((piece) => (typeof piece === "string" ? piece : piece[0])).join(""), text);
  assert.deepEqual(found.filter((piece) => typeof piece !== "string").map((piece) => piece[1]), ["hinge", "pull", "soft label", "score"]);
  for (const meaning of Object.values(GLOSSARY)) assert.ok(!/psi|theta|subgradient/.test(meaning));
});

test("each step of the tour that asks has an answer, and says nothing of it before", () => {
  assert.equal(TOUR.length, 7);
  for (const step of TOUR.slice(0, -1)) {
    assert.ok(step.guess.length >= 2 && step.guess.length <= 3);
    assert.ok(step.right < step.guess.length);
    assert.ok(step.shown.length > 40 && step.text.endsWith("?"));
  }
  for (const text of [...TOUR.flatMap((step) => [step.text, step.shown ?? ""]), ...Object.values(PRESETS).map((preset) => preset.see)]) assert.ok(!/psi|theta/.test(text));
});
