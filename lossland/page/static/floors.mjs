// The hinge of max(z, -c), from ReLU (c = 0) to the SVM: its lowest place, found by one convex problem after another.
import { leastOf } from "./descent.mjs";
import { look, problemOf, problemOfTerms, scoresAt, valueOf } from "./objective.mjs";

/** The floor c of a pair of the way from ReLU to the SVM; null if it lies beside that way. */
export function floorOf(entry) {
  return entry.floor ?? (entry.activation === "relu" && entry.loss === "hinge" ? 0 : null);
}

/**
 * The lowest place found of max(z, -c) + hinge. A positive below -c costs the same wherever it is, and never more than
 * that: with those below it left out, and the hinge itself for the others, the problem is convex, lies nowhere below
 * the objective and meets it where it was made. So each round is no higher than the one before. It starts at the
 * SVM's optimum and at the lowest of some hundred places; then places about the best are tried, and lead on where one
 * is lower. That no place is lower is not proven.
 *
 * `curves` are the pair's, `hinge` and `svm` curves and optimum of identity+hinge; `quick` for a point that is being
 * dragged: from the SVM's optimum alone.
 */
export function lowestOf(curves, hinge, svm, points, l2, c, quick = false) {
  const whole = problemOf(curves, points, l2, 0);
  const dead = [0, 0, -c - 1];
  const better = (best, start) => {
    const found = descended(whole, hinge, points, c, start);
    return found.value < best.value ? found : best;
  };
  let best = better({ value: look(whole, dead).value, params: dead }, svm);
  if (quick) return best;
  // Larger weights leave out more positives.
  for (const times of [2, 4]) best = better(best, svm.map((p) => times * p));
  const far = tried(whole, { value: Infinity, params: [0, 0, 0] }, 1.5 * Math.max(1, ...svm.map(Math.abs)), 0, 600);
  best = better(best, far.params);
  for (const times of [1.3, 0.8]) best = better(best, best.params.map((p) => times * p));
  for (const radius of [1, 0.3, 0.1]) {
    const near = tried(whole, best, radius * Math.max(1, Math.hypot(...best.params)), 1, 600);
    if (near !== best) best = better(best, near.params);
  }
  return best;
}

/** The lowest of places spread evenly over a cube, the same ones each time (the R3 sequence of Roberts 2018). */
function tried(problem, best, size, first, count) {
  let lowest = best;
  for (let k = first; k < first + count; k++) {
    const params = best.params.map((p, i) => p + size * (2 * ((k * 1.2207440846057596 ** -(i + 1)) % 1) - 1));
    const value = valueOf(problem, params);
    if (value < lowest.value) lowest = { value, params };
  }
  return lowest;
}

function descended(whole, hinge, points, c, start) {
  let best = { value: look(whole, start).value, params: start };
  for (let round = 0; round < 20; round++) {
    const scores = scoresAt(whole, best.params);
    const kept = whole.terms.filter((term) => !term.positive || scores[term.of] >= -c);
    const terms = kept.map((term) => (term.positive ? { ...term, curve: hinge.positive } : term));
    const next = leastOf(problemOfTerms(terms, points, whole.l2, 0), 1e-8);
    const value = next && look(whole, next.params).value;
    if (!next || !(value < best.value - 1e-9)) break;
    best = { value, params: next.params };
  }
  return best;
}

/** The name of the pair with a floor c, of those that the page has. */
export function pairWithFloor(entries, c) {
  const found = [...entries].find(([, entry]) => floorOf(entry) === c);
  return found ? found[0] : null;
}

/** Whether every positive's score stays above the floor: there the hinge of max(z, -c) is the SVM's loss, for c >= 1. */
export function isTheSvm(problem, params, c) {
  const scores = scoresAt(problem, params);
  return c >= 1 && problem.terms.every((term) => !term.positive || scores[term.of] >= -c);
}

