// First-order descent as optax has it, and the least value of a convex objective of three parameters.
import { look } from "./objective.mjs";

/** What each optimiser adds to the parameters, given a gradient; each keeps its own memory. */
export const OPTIMISERS = {
  gd: { title: "gradient descent", make: (rate) => (gradient) => gradient.map((g) => -rate * g) },
  momentum: {
    title: "momentum 0.9",
    make: (rate) => {
      let trace = [0, 0, 0];
      return (gradient) => {
        trace = trace.map((v, k) => gradient[k] + 0.9 * v);
        return trace.map((v) => -rate * v);
      };
    },
  },
  adam: {
    title: "Adam",
    make: (rate) => {
      let [first, second, step] = [[0, 0, 0], [0, 0, 0], 0];
      return (gradient) => {
        step += 1;
        first = first.map((m, k) => 0.9 * m + 0.1 * gradient[k]);
        second = second.map((v, k) => 0.999 * v + 0.001 * gradient[k] ** 2);
        return first.map((m, k) => (-rate * (m / (1 - 0.9 ** step))) / (Math.sqrt(second[k] / (1 - 0.999 ** step)) + 1e-8));
      };
    },
  },
};

/** The run from a start: parameters and values at steps 0, 1, ..., shorter if it leaves the finite numbers. */
export function descend(problem, start, optimiser, rate, steps) {
  const change = OPTIMISERS[optimiser].make(rate);
  const path = [start.slice()];
  const values = [];
  let params = start.slice();
  for (let k = 0; k <= steps; k++) {
    const seen = look(problem, params);
    values.push(seen.value);
    if (k === steps) break;
    const by = change(seen.gradient);
    params = params.map((p, i) => p + by[i]);
    if (!params.every((p) => Math.abs(p) < 1e12)) return { path, values, diverged: true };
    path.push(params);
  }
  return { path, values, diverged: false };
}

/**
 * The least value of a convex objective by the ellipsoid method, which asks for subgradients alone: every step shrinks
 * an ellipsoid that holds the optimum. `gap` bounds how far the value is from the least.
 */
export function leastOf(problem, tolerance = 1e-10) {
  const both = problem.terms.some((term) => term.positive) && problem.terms.some((term) => !term.positive);
  if (!(problem.l2 > 0) || !both) return null;
  const farthest = Math.max(...problem.labels.map((_, i) => Math.hypot(problem.inputs[0][i], problem.inputs[1][i])));
  const most = Math.sqrt((2 * look(problem, [0, 0, 0]).value) / problem.l2);
  const radius = 2 + most * (1 + farthest);
  let centre = [0, 0, 0];
  // The ellipsoid is the ball's image under B: kept as a factor it stays one, however thin.
  let B = [0, 1, 2].map((i) => [0, 1, 2].map((j) => (i === j ? radius : 0)));
  let best = { value: Infinity, params: centre };
  let bound = -Infinity;
  for (let step = 0; step < 3000; step++) {
    const { value, gradient } = look(problem, centre);
    const across = [0, 1, 2].map((j) => B[0][j] * gradient[0] + B[1][j] * gradient[1] + B[2][j] * gradient[2]);
    const reach = Math.hypot(...across);
    if (value < best.value) best = { value, params: centre.slice() };
    bound = Math.max(bound, value - reach);
    if (!(best.value - bound > tolerance)) break;
    const p = across.map((v) => v / reach);
    // The optimum is no higher than the best value: the cut goes that much beyond the centre (Bland, Goldfarb & Todd 1981).
    const deep = Math.min((value - best.value) / reach, 0.99);
    const by = (1 + 3 * deep) / 4;
    const [size, flat] = [Math.sqrt((9 / 8) * (1 - deep * deep)), 1 - Math.sqrt(1 - (2 * by) / (1 + deep))];
    const along = B.map((row) => row[0] * p[0] + row[1] * p[1] + row[2] * p[2]);
    centre = centre.map((c, i) => c - by * along[i]);
    B = B.map((row, i) => row.map((v, j) => size * (v - flat * along[i] * p[j])));
  }
  return { ...best, gap: best.value - bound };
}
