// The objective of a linear score z = w1 x1 + w2 x2 + b: the mean loss plus l2/2 ||w||^2.
import { slopeAt, valueAt } from "./tables.mjs";

export const AXES = { "w1,w2": [0, 1], "w1,b": [0, 2], "w2,b": [1, 2] };
export const NAMES = ["w1", "w2", "b"];

/** Curves, data and settings together. Points are [x1, x2, label]. */
export function problemOf(curves, points, l2, tie) {
  return {
    curves: points.map((point) => (point[2] > 0 ? curves.positive : curves.negative)),
    inputs: [points.map((p) => p[0]), points.map((p) => p[1]), points.map(() => 1)].map((column) => Float64Array.from(column)),
    labels: points.map((p) => p[2]),
    n: points.length,
    l2,
    tie,
  };
}

export function scoresAt(problem, params) {
  const [x, y] = problem.inputs;
  return Float64Array.from(x, (first, i) => params[0] * first + params[1] * y[i] + params[2]);
}

/** Value, gradient and the slope of every example's loss in its score. */
export function look(problem, params) {
  const { n, curves, tie } = problem;
  const [x, y] = problem.inputs;
  const [w1, w2, b] = params;
  const scores = new Float64Array(n);
  const slopes = new Float64Array(n);
  let [value, along1, along2, along0] = [0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    const z = w1 * x[i] + w2 * y[i] + b;
    const slope = slopeAt(curves[i], z, tie);
    value += valueAt(curves[i], z, tie);
    along1 += slope * x[i];
    along2 += slope * y[i];
    along0 += slope;
    scores[i] = z;
    slopes[i] = slope;
  }
  const gradient = [along1 / n + problem.l2 * w1, along2 / n + problem.l2 * w2, along0 / n];
  value = value / problem.n + 0.5 * problem.l2 * (params[0] ** 2 + params[1] ** 2);
  return { value, gradient, scores, slopes };
}

/** The grid of a window: {axes: [i, j], centre: params, half: half its width, steps}. */
export function gridOf(window) {
  const [i, j] = window.axes;
  const line = (middle) => Float64Array.from({ length: window.steps }, (_, k) => middle + window.half * (-1 + (2 * k) / (window.steps - 1)));
  return [line(window.middle[i]), line(window.middle[j])];
}

/** Values of the objective on a window, row by row from the bottom; `at` gives the parameter that stays fixed. */
export function surfaceOf(problem, window, at) {
  const [i, j] = window.axes;
  const fixed = 3 - i - j;
  const [across, up] = gridOf(window);
  const n = window.steps;
  const values = new Float64Array(n * n);
  for (let e = 0; e < problem.n; e++) {
    const curve = problem.curves[e];
    const [x, y] = [problem.inputs[i][e], problem.inputs[j][e]];
    const rest = at[fixed] * problem.inputs[fixed][e];
    for (let row = 0, place = 0; row < n; row++) {
      const start = rest + up[row] * y;
      for (let column = 0; column < n; column++, place++) values[place] += valueAt(curve, start + across[column] * x, problem.tie);
    }
  }
  const square = (index, value) => (index < 2 ? value * value : 0);
  for (let row = 0, place = 0; row < n; row++) {
    for (let column = 0; column < n; column++, place++) {
      const norm = square(i, across[column]) + square(j, up[row]) + square(fixed, at[fixed]);
      values[place] = values[place] / problem.n + 0.5 * problem.l2 * norm;
    }
  }
  return { across, up, values, n };
}

/** Where no example pulls although the mean loss is above its least: 1 on a plateau, else 0. */
export function plateausOf(problem, window, at, infimum) {
  const [i, j] = window.axes;
  const fixed = 3 - i - j;
  const [across, up] = gridOf(window);
  const flat = new Uint8Array(window.steps ** 2);
  const least = problem.labels.map((label) => (label > 0 ? infimum[0] : infimum[1]));
  let last = 0;
  const pulls = (e, z) => Math.abs(slopeAt(problem.curves[e], z, problem.tie)) > 1e-9;
  for (let row = 0, place = 0; row < window.steps; row++) {
    for (let column = 0; column < window.steps; column++, place++) {
      const score = (e) => across[column] * problem.inputs[i][e] + up[row] * problem.inputs[j][e] + at[fixed] * problem.inputs[fixed][e];
      // The example that pulled at the neighbour pulls here too, as a rule.
      if (!problem.n || pulls(last, score(last))) continue;
      let e = 0;
      while (e < problem.n && !pulls(e, score(e))) e++;
      if (e < problem.n) {
        last = e;
        continue;
      }
      let above = 0;
      for (let k = 0; k < problem.n; k++) above += valueAt(problem.curves[k], score(k), problem.tie) - (least[k] ?? -Infinity);
      flat[place] = above / problem.n > 1e-6 ? 1 : 0;
    }
  }
  return flat;
}
