// The hinge of max(z, -c), from ReLU (c = 0) to the SVM: its lowest place, found by one convex problem after another.
import { leastOf } from "./descent.mjs";
import { look, problemOf, problemOfTerms, scoresAt } from "./objective.mjs";

/** The floor c of a pair of the way from ReLU to the SVM; null if it lies beside that way. */
export function floorOf(entry) {
  return entry.floor ?? (entry.activation === "relu" && entry.loss === "hinge" ? 0 : null);
}

/**
 * The lowest place found of max(z, -c) + hinge. A positive below -c costs the same wherever it is, and never more than
 * that: with those below it left out, and the hinge itself for the others, the problem is convex, lies nowhere below
 * the objective and meets it where it was made. So each round is no higher than the one before. It starts at the
 * SVM's optimum, at 0 and at `near`; that no place is lower is not proven.
 *
 * `curves` are the pair's, `hinge` those of identity+hinge. Null where the SVM's optimum is not found either.
 */
export function lowestOf(curves, hinge, points, l2, c, near = []) {
  const svm = leastOf(problemOf(hinge, points, l2, 0));
  if (!svm) return null;
  const whole = problemOf(curves, points, l2, 0);
  const dead = [0, 0, -c - 1];
  let best = { value: look(whole, dead).value, params: dead };
  for (const start of [svm.params, [0, 0, 0], ...near]) {
    const found = descended(whole, hinge, points, c, start);
    if (found.value < best.value) best = found;
  }
  return best;
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

