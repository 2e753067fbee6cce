// View 1: the pair's two class curves, and every example as a dot on its own.
import { axes, cross, framed, mark, scaled, stroke, within } from "./paint.mjs";
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
  const { curves, seen, points, reach, tie } = shown;
  const lines = [curves.positive, curves.negative].map((curve) => sampled(curve, reach, tie));
  const heights = lines.flat().map((p) => p[1]).filter(Number.isFinite);
  const [low, high] = [Math.min(0, ...heights), Math.min(Math.max(...heights, 0.5), Math.max(2 * reach, 4))];
  const scale = scaled(box, [-reach, reach], [low - 0.06 * (high - low), high + 0.06 * (high - low)]);
  axes(frame, scale, colours, "score z", "loss", true);
  within(ink, box, () => {
    lines.forEach((line, k) => {
      ink.strokeStyle = k ? colours.negative : colours.positive;
      ink.lineWidth = 2.2;
      ink.setLineDash(k ? [7, 3] : []);
      stroke(ink, line.map(([z, v]) => [scale.x(z), scale.y(Math.min(Math.max(v, -1e6), 1e6))]));
    });
    ink.setLineDash([]);
    points.forEach((point, i) => dot(ink, scale, shown, point, seen.scores[i], seen.slopes[i], colours));
  });
  legend(ink, box, colours);
}

function sampled(curve, reach, tie) {
  const at = [];
  for (let k = 0; k <= 240; k++) at.push(-reach + (2 * reach * k) / 240);
  for (const z of curve.scores) if (Math.abs(z) < reach) at.push(z - 1e-9, z, z + 1e-9);
  return at.sort((a, b) => a - b).map((z) => [z, valueAt(curve, z, tie)]);
}

function dot(ink, scale, shown, point, z, slope, colours) {
  if (!Number.isFinite(z)) return;
  const positive = point[2] > 0;
  const at = Math.min(Math.max(z, -shown.reach), shown.reach);
  const value = valueAt(positive ? shown.curves.positive : shown.curves.negative, z, shown.tie);
  const [x, y] = [scale.x(at), scale.y(Math.min(value, scale.ys[1]))];
  ink.globalAlpha = 0.75;
  ink.lineWidth = 0.8;
  mark(ink, positive ? "circle" : "square", x, y, 3 + 2.5 * Math.min(1, Math.abs(slope)), positive ? colours.positive : colours.negative, colours.paper);
  ink.globalAlpha = 1;
  if (isDead(point, z, slope)) cross(ink, x, y, 4, colours.ink);
}

/** Whether the rule z > threshold gets an example wrong. */
export function isWrong(point, z, threshold = 0) {
  return z > threshold !== point[2] > 0;
}

/** Misclassified, and nothing pulls at it. */
export function isDead(point, z, slope) {
  return isWrong(point, z) && Math.abs(slope) < 1e-9;
}

function legend(ink, box, colours) {
  ink.textBaseline = "top";
  ink.textAlign = "left";
  [["positives", "positive", "circle"], ["negatives", "negative", "square"]].forEach(([text, name, shape], k) => {
    const width = ink.measureText(text).width + 16;
    const [x, y] = [(box.left + box.right) / 2 - 34, box.top + 6 + 16 * k];
    ink.fillStyle = colours.paper;
    ink.globalAlpha = 0.8;
    ink.fillRect(x - 4, y - 2, width + 4, 16);
    ink.globalAlpha = 1;
    mark(ink, shape, x + 4, y + 6, 4, colours[name], null);
    ink.fillStyle = colours.ink;
    ink.fillText(text, x + 14, y);
  });
}

/** What a screen reader says of this view. */
export function curvesInWords(shown) {
  const slopes = shown.points.map((p, i) => isDead(p, shown.seen.scores[i], shown.seen.slopes[i]));
  const at = (z) => ["positive", "negative"].map((side) => `${Number(valueAt(shown.curves[side], z, shown.tie).toPrecision(3))} with slope ${Number(slopeAt(shown.curves[side], z, shown.tie).toPrecision(3))}`);
  const [p, n] = at(0);
  return `Class curves of ${shown.name}. At score 0 a positive costs ${p}, a negative ${n}. ${slopes.filter(Boolean).length} of ${shown.points.length} examples are dead.`;
}
