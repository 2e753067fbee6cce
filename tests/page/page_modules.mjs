// The page's modules on their own, without a browser: node --test tests/page/page_modules.mjs
import assert from "node:assert/strict";
import test from "node:test";
import { descend, leastOf } from "../../lossland/page/static/descent.mjs";
import { look, plateausOf, problemOf, surfaceOf } from "../../lossland/page/static/objective.mjs";
import { cardInWords } from "../../lossland/page/static/panel.mjs";
import { contour, shades, ticks } from "../../lossland/page/static/paint.mjs";
import { decoded, encoded, START } from "../../lossland/page/static/state.mjs";
import { curvesOf, slopeAt, valueAt } from "../../lossland/page/static/tables.mjs";

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

test("a state survives its link, and a broken link gives the start", () => {
  const state = { ...START, pair: "softplus(tie=1)+hinge", points: [[0.5, -1.25, -1], [3, 2, 1]], start: [1 / 3, -2, 0], l2: 1e-4, step: 7 };
  const again = decoded(encoded(state));
  assert.deepEqual({ ...again, start: state.start }, state);
  assert.ok(Math.abs(again.start[0] - 1 / 3) < 1e-11);
  assert.deepEqual(decoded("start=a~b~c&points=1_x_p&rate=no"), START);
  assert.equal(encoded(START), "");
});

test("ticks are round, contours lie where the value is", () => {
  assert.deepEqual(ticks(-3, 3, 6), [-3, -2, -1, 0, 1, 2, 3]);
  const values = Float64Array.from({ length: 9 }, (_, k) => k % 3);
  for (const [a, b] of contour({ n: 3, values }, 0.5)) assert.deepEqual([a[0], b[0]], [0.5, 0.5]);
  const scale = shades(Float64Array.from([1, 2, Infinity, 3]));
  assert.equal(scale.shade(1), 0);
  assert.equal(scale.level(0), 1);
});

/** As much of an element as the words of a card need. */
class Element {
  constructor() {
    this.parts = [];
    this.said = {};
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
  const verdicts = [["-", "A fault.", ""], ["-", "Not convex.", "refuted"], ["+", "Calibrated.", "measured"], ["", "Flat.", "proven"]];
  cardInWords(line, list, { verdicts });
  assert.equal(line.text, "A fault. ✗ Not convex. ~ Calibrated. ");
  assert.deepEqual(list.parts.map((item) => item.text), ["- A fault.", "- ✗ Not convex.", "+ ~ Calibrated.", "· ✓ Flat."]);
  const sign = list.parts[1].parts[1];
  assert.deepEqual([sign.title, sign.said["aria-label"], sign.said.role], ["refuted", "refuted", "img"]);
});
