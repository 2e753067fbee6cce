// View 1: the pair's two class curves, and every example as a dot on its own.
import { probabilityOf } from "./objective.mjs";
import { axes, colourOf, cross, framed, mark, scaled, shapeOf, stroke, within } from "./paint.mjs";
import { slopeAt, valueAt } from "./tables.mjs";

/** The scores shown: symmetric, wide enough for the whole run but for its farthest tenth. */
export function reachOf(scores) {
  const sizes = Array.from(scores, Math.abs).filter(Number.isFinite).sort((a, b) => a - b);
  const wanted = sizes.length ? 1.1 * sizes[Math.floor(0.95 * (sizes.length - 1))] : 3;
  return [3, 4, 6, 8, 12, 16, 20].find((r) => r >= wanted) ?? 20;
}

export function drawCurves(canvas, shown, colours) {
  const frame = framed(canvas);
  const { ink, box } = frame;
  const { curves, seen, points, reach, tie, beside } = shown;
  const lines = [curves.positive, curves.negative].map((curve) => sampled(curve, reach, tie));
  const heights = lines.flat().map((p) => p[1]).filter(Number.isFinite);
  const [low, high] = [Math.min(0, ...heights), Math.min(Math.max(...heights, 0.5), Math.max(2 * reach, 4))];
  const scale = scaled(box, [-reach, reach], [low - 0.06 * (high - low), high + 0.06 * (high - low)]);
  axes(frame, scale, colours, "score z", "loss", true);
  const at = (line) => line.map(([z, v]) => [scale.x(z), scale.y(Math.min(Math.max(v, -1e6), 1e6))]);
  within(ink, box, () => {
    if (beside) for (const side of ["positive", "negative"]) curveOf(ink, at(sampled(beside.curves[side], reach, tie)), "other", colours);
    lines.forEach((line, k) => curveOf(ink, at(line), k ? "negative" : "positive", colours));
    points.forEach((point, i) => dot(ink, scale, shown, point, seen.scores[i], seen.slopes[i], colours));
  });
}

/** A curve as it is drawn: of positives, of negatives, or of the other pair. */
export function curveOf(ink, line, which, colours) {
  ink.strokeStyle = { positive: colours.positive, negative: colours.negative, other: colours.soft }[which];
  ink.lineWidth = which === "other" ? 1.4 : 2.4;
  ink.setLineDash({ positive: [], negative: [7, 3], other: [2, 3] }[which]);
  stroke(ink, line);
  ink.setLineDash([]);
}

function sampled(curve, reach, tie) {
  const at = [];
  for (let k = 0; k <= 240; k++) at.push(-reach + (2 * reach * k) / 240);
  for (const z of curve.scores) if (Math.abs(z) < reach) at.push(z - 1e-9, z, z + 1e-9);
  return at.sort((a, b) => a - b).map((z) => [z, valueAt(curve, z, tie)]);
}

function dot(ink, scale, shown, point, z, slope, colours) {
  if (!Number.isFinite(z)) return;
  const p = probabilityOf(point[2]);
  const at = Math.min(Math.max(z, -shown.reach), shown.reach);
  const cost = (side) => valueAt(shown.curves[side], z, shown.tie);
  const value = p === 1 ? cost("positive") : p === 0 ? cost("negative") : p * cost("positive") + (1 - p) * cost("negative");
  const [x, y] = [scale.x(at), scale.y(Math.min(value, scale.ys[1]))];
  ink.globalAlpha = 0.8;
  ink.lineWidth = 0.8;
  mark(ink, shapeOf(point[2]), x, y, 3 + 2.5 * Math.min(1, Math.abs(slope)), colourOf(point[2], colours), colours.ink);
  ink.globalAlpha = 1;
  if (isDead(point, z, slope)) cross(ink, x, y, 4, colours.ink);
}

/** Whether the rule z > threshold gets an example wrong; one just between the classes counts as positive. */
export function isWrong(point, z, threshold = 0) {
  return z > threshold !== point[2] >= 0;
}

/** Misclassified, and nothing pulls at it. */
export function isDead(point, z, slope) {
  return isWrong(point, z) && Math.abs(slope) < 1e-9;
}

/** What a screen reader says of this view. */
export function curvesInWords(shown) {
  const slopes = shown.points.map((p, i) => isDead(p, shown.seen.scores[i], shown.seen.slopes[i]));
  const at = (z) => ["positive", "negative"].map((side) => `${Number(valueAt(shown.curves[side], z, shown.tie).toPrecision(3))} with slope ${Number(slopeAt(shown.curves[side], z, shown.tie).toPrecision(3))}`);
  const [p, n] = at(0);
  return `Class curves of ${shown.name}. At score 0 a positive costs ${p}, a negative ${n}. ${slopes.filter(Boolean).length} of ${shown.points.length} examples are dead.`;
}
