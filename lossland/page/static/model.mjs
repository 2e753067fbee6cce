// From a state to everything that is drawn; what a change does not touch is kept from before.
import { reachOf } from "./curves_view.mjs";
import { descend, leastOf, OPTIMISERS } from "./descent.mjs";
import { floorOf, isTheSvm, lowestOf, pairWithFloor } from "./floors.mjs";
import { AXES, look, plateausOf, problemOf, scoresAt, surfaceOf } from "./objective.mjs";
import { shades } from "./paint.mjs";
import { START } from "./state.mjs";
import { curvesOf } from "./tables.mjs";
import { TOUR } from "./tour.mjs";

const RIVALS = {
  SVM: { pair: "identity+hinge", shape: "star", colour: "svm", dash: [8, 3] },
  "logistic regression": { pair: "identity+logistic", shape: "diamond", colour: "logistic", dash: [3, 3] },
};
const RUNS = { "relu+hinge": "path", "identity+hinge": "svm", "identity+logistic": "logistic", "sigmoid+cross_entropy": "sigmoid" };
export const CELLS = 61;
const HALVES = [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];

/** The colour of a pair's run: its own in every figure, else one for each row. */
export function runColour(name, slot) {
  return RUNS[name] ?? ["path", "other"][slot];
}

export function modelOf(content, tables) {
  const entries = new Map(content.pairs.map((entry) => [`${entry.activation}+${entry.loss}`, entry]));
  const clouds = new Map(content.clouds.map((cloud) => [cloud.name, cloud]));
  const curves = new Map();
  const kept = new Map();

  const remember = (slot, key, make) => {
    if (kept.get(slot)?.key !== key) kept.set(slot, { key, value: make() });
    return kept.get(slot).value;
  };
  const curvesFor = (name) => {
    if (!curves.has(name)) curves.set(name, curvesOf(tables, entries.get(name)));
    return curves.get(name);
  };
  const pointsOf = (state) => state.points ?? remember("points", state.data, () => {
    const cloud = clouds.get(state.data);
    return cloud.inputs.map(([x, y], i) => [x, y, cloud.labels[i]]);
  });

  /** Exact for shipped data, by the page's own descent once they were changed. */
  const optimaOf = (state) => {
    const place = content.l2s.indexOf(state.l2) - 1;
    if (place < 0) return [];
    const points = pointsOf(state);
    const key = JSON.stringify([state.l2, state.points ?? state.data]);
    return remember("optima", key, () => Object.entries(RIVALS).flatMap(([name, rival]) => {
      const found = state.points
        ? leastOf(problemOf(curvesFor(rival.pair), points, state.l2, 0))
        : { params: clouds.get(state.data).optima[name][place], gap: 0 };
      return found ? [{ ...rival, name, params: found.params, gap: found.gap, exact: !state.points }] : [];
    }));
  };

  /** Of a pair between ReLU and the SVM the lowest place that was found as well. */
  const lowest = (state, slot, name, quick) => {
    const c = floorOf(entries.get(name));
    const best = optimaOf(state).find((each) => each.name === "SVM");
    if (c === null || !best) return [];
    const key = JSON.stringify([name, state.l2, state.points ?? state.data, quick]);
    return remember(`lowest${slot}`, key, () => {
      const points = pointsOf(state);
      const found = lowestOf(curvesFor(name), curvesFor("identity+hinge"), best.params, points, state.l2, c, quick);
      const svm = isTheSvm(problemOf(curvesFor(name), points, state.l2, 0), found.params, c);
      return [{ name: `lowest found for c = ${c}`, shape: "triangle", colour: "path", dash: [9, 2, 2, 2], params: found.params, found: true, svm }];
    });
  };

  const runOf = (state, slot, name) => {
    const points = pointsOf(state);
    const key = JSON.stringify([name, state.points ?? state.data, state.l2, state.tie, state.optimiser, state.rate, state.steps, state.start]);
    return remember(`run${slot}`, key, () => {
      const problem = problemOf(curvesFor(name), points, state.l2, state.tie);
      const run = descend(problem, state.start, state.optimiser, state.rate, state.steps);
      return { problem, ...run, reach: reachOf([0, run.path.length - 1].flatMap((k) => [...scoresAt(problem, run.path[k])])) };
    });
  };

  /** Half the width of a window that holds the runs and, unless far away, the optima. */
  const fitted = (state, runs, quick) => {
    const axes = AXES[state.axes];
    const seen = runs.flatMap((run) => [0, 0.25, 0.5, 0.75, 1].map((s) => run.path[Math.round(s * (run.path.length - 1))]));
    const names = [state.pair, state.second].filter(Boolean);
    const marked = [...optimaOf(state), ...names.flatMap((name, slot) => lowest(state, slot, name, quick))];
    const near = marked.map((best) => best.params).filter((p) => Math.max(...axes.map((k) => Math.abs(p[k]))) < 20);
    const most = Math.max(...[...seen, ...near].flatMap((p) => axes.map((k) => Math.abs(p[k]))));
    return HALVES.find((half) => half >= 1.15 * most) ?? HALVES.at(-1);
  };

  /** The other pair: its curves, and its run for this pair's landscape. */
  const besides = (state, slot) => {
    if (!state.second) return null;
    const name = slot ? state.pair : state.second;
    const { path, values } = runOf(state, 1 - slot, name);
    return { name, path, values, curves: curvesFor(name), step: Math.min(state.step, path.length - 1), colour: runColour(name, 1 - slot) };
  };

  const shownOf = (state, slot, name, half, quick = false) => {
    const entry = entries.get(name);
    const points = pointsOf(state);
    const run = runOf(state, slot, name);
    const step = Math.min(state.step, run.path.length - 1);
    const at = run.path[step];
    const window = { axes: AXES[state.axes], middle: [0, 0, 0], half, steps: CELLS };
    const fixed = 3 - window.axes[0] - window.axes[1];
    const key = JSON.stringify([name, state.points ?? state.data, state.l2, state.tie, state.axes, half, at[fixed]]);
    const surface = remember(`surface${slot}`, key, () => {
      const made = surfaceOf(run.problem, window, at);
      return { ...made, shades: shades(made.values), plateaus: plateausOf(run.problem, window, at, entry.infimum) };
    });
    return {
      name, entry, points, run, window, surface, step, at,
      beside: besides(state, slot),
      colour: runColour(name, slot),
      curves: curvesFor(name),
      problem: run.problem,
      plateaus: surface.plateaus,
      seen: look(run.problem, at),
      optima: [...optimaOf(state), ...lowest(state, slot, name, quick)],
      reach: run.reach,
      tie: state.tie,
      threshold: entry.threshold,
      columns: state.points ? ["x1", "x2"] : clouds.get(state.data).columns,
    };
  };

  /** A state that this page can show: what it does not have is replaced by what it starts with. */
  const sound = (state) => {
    const made = { ...state };
    const refuse = (name) => (made[name] = structuredClone(START[name]));
    if (!entries.has(made.pair)) refuse("pair");
    if (made.second && !entries.has(made.second)) refuse("second");
    if (!clouds.has(made.data)) refuse("data");
    if (!content.l2s.includes(made.l2)) refuse("l2");
    if (!(made.optimiser in OPTIMISERS)) refuse("optimiser");
    if (!(made.axes in AXES)) refuse("axes");
    if (!["contours", "surface"].includes(made.view)) refuse("view");
    if (!(made.rate > 0 && made.rate <= 10)) refuse("rate");
    if (![50, 200, 1000].includes(made.steps)) refuse("steps");
    made.tie = Math.min(Math.max(made.tie, 0), 1);
    made.half = Math.min(Math.max(made.half, 0), 1000);
    made.step = Math.min(Math.max(Math.round(made.step), 0), made.steps);
    made.tour = Math.min(Math.max(Math.round(made.tour), 0), TOUR.length);
    if (made.points && !made.points.length) refuse("points");
    return made;
  };

  const floor = (name) => floorOf(entries.get(name));
  return { entries, clouds, content, curvesFor, pointsOf, optimaOf, runOf, fitted, shownOf, sound, floor, withFloor: (c) => pairWithFloor(entries, c) };
}
