// The objective of a linear score z = w1 x1 + w2 x2 + b: the mean loss plus l2/2 ||w||^2.
import { addAlong, addLosses, slopeAt, valueAt } from "./tables.mjs";

export const AXES = { "w1,w2": [0, 1], "w1,b": [0, 2], "w2,b": [1, 2] };
export const NAMES = ["w1", "w2", "b"];

/** The probability that an example is positive: a label between -1 and 1 is soft. */
export const probabilityOf = (label) => (1 + label) / 2;

/**
 * Curves, data and settings together. Points are [x1, x2, label]; a soft label is a term as a positive and one as a
 * negative, each with its share of the example's loss.
 */
export function problemOf(curves, points, l2, tie) {
  const terms = points.flatMap((point, of) => {
    const p = probabilityOf(point[2]);
    return [{ of, share: p, curve: curves.positive, positive: true }, { of, share: 1 - p, curve: curves.negative, positive: false }];
  });
  return problemOfTerms(terms.filter((term) => term.share > 0), points, l2, tie);
}

/** The same of given terms: {of: which point, share, curve, positive}; points without a term cost nothing. */
export function problemOfTerms(terms, points, l2, tie) {
  const curves = [...new Set(terms.map((term) => term.curve))];
  return {
    terms,
    // The same by curve, for quick sums.
    groups: curves.map((curve) => {
      const own = terms.filter((term) => term.curve === curve);
      return { curve, of: Int32Array.from(own, (term) => term.of), share: Float64Array.from(own, (term) => term.share) };
    }),
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

/** The value alone. */
export function valueOf({ terms, inputs, n, l2, tie }, [w1, w2, b]) {
  let value = 0;
  for (const { of, share, curve } of terms) value += share * valueAt(curve, w1 * inputs[0][of] + w2 * inputs[1][of] + b, tie);
  return value / n + 0.5 * l2 * (w1 ** 2 + w2 ** 2);
}

/** Value, gradient and the slope of every example's loss in its score. */
export function look(problem, params) {
  const { n, tie, groups } = problem;
  const [x, y] = problem.inputs;
  const [w1, w2, b] = params;
  const scores = new Float64Array(n);
  const slopes = new Float64Array(n);
  let [value, along1, along2, along0] = [0, 0, 0, 0];
  for (let i = 0; i < n; i++) scores[i] = w1 * x[i] + w2 * y[i] + b;
  for (const { curve, of, share } of groups) value += addLosses(curve, of, share, scores, slopes, tie);
  for (let i = 0; i < n; i++) {
    along1 += slopes[i] * x[i];
    along2 += slopes[i] * y[i];
    along0 += slopes[i];
  }
  const gradient = [along1 / n + problem.l2 * w1, along2 / n + problem.l2 * w2, along0 / n];
  value = value / n + 0.5 * problem.l2 * (w1 ** 2 + w2 ** 2);
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
  for (const { of, share, curve } of problem.terms) {
    const [x, y] = [problem.inputs[i][of], problem.inputs[j][of]];
    const rest = at[fixed] * problem.inputs[fixed][of];
    for (let row = 0; row < n; row++) addAlong(curve, values, row * n, n, rest + up[row] * y, x, across, share, problem.tie);
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

/** The least that each example can cost: of a soft label the least of its mixed curve at the nodes of both. */
export function leastCosts(problem, infimum) {
  const own = (term) => (term.positive ? infimum[0] : infimum[1]) ?? -Infinity;
  const least = new Float64Array(problem.n);
  const held = Array.from({ length: problem.n }, () => []);
  for (const term of problem.terms) held[term.of].push(term);
  held.forEach((terms, i) => {
    if (terms.length < 2) return (least[i] = terms.length ? own(terms[0]) : 0);
    const scores = Array.from(terms[0].curve.scores);
    const cost = (z) => terms.reduce((sum, term) => sum + term.share * valueAt(term.curve, z, problem.tie), 0);
    const slope = (z) => terms.reduce((sum, term) => sum + term.share * slopeAt(term.curve, z, problem.tie), 0);
    const falls = slope(scores[0] - 1) > 1e-9 || slope(scores.at(-1) + 1) < -1e-9;
    least[i] = falls ? -Infinity : Math.min(...scores.map(cost));
  });
  return least;
}

/** Where no example pulls although the mean loss is above its least: 1 on a plateau, else 0. */
export function plateausOf(problem, window, at, infimum) {
  const [i, j] = window.axes;
  const fixed = 3 - i - j;
  const [across, up] = gridOf(window);
  const flat = new Uint8Array(window.steps ** 2);
  const least = leastCosts(problem, infimum);
  const held = Array.from({ length: problem.n }, () => []);
  for (const term of problem.terms) held[term.of].push(term);
  const cost = (e, z, of) => held[e].reduce((sum, term) => sum + term.share * of(term.curve, z, problem.tie), 0);
  let last = 0;
  const pulls = (e, z) => Math.abs(cost(e, z, slopeAt)) > 1e-9;
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
      for (let k = 0; k < problem.n; k++) above += cost(k, score(k), valueAt) - least[k];
      flat[place] = above / problem.n > 1e-6 ? 1 : 0;
    }
  }
  return flat;
}
