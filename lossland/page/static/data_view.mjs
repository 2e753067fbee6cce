// View 3: the data, the decision line with its margins, and how strongly each example pulls.
import { isDead, isWrong } from "./curves_view.mjs";
import { axes, colourOf, cross, framed, mark, scaled, shapeOf, stroke, within } from "./paint.mjs";

/** How the lines are drawn: [colour, width, dashes]. */
export const LINES = {
  decision: ["ink", 2.4, []],
  margin: ["soft", 1, [2, 3]],
  threshold: ["path", 2.4, [2, 4]],
  hover: ["path", 2, [9, 4]],
};

/** The window of the data, the same scale on both axes. */
export function dataScale(box, points) {
  const range = (k) => {
    const held = points.map((p) => p[k]);
    const [low, high] = [Math.min(...held, 0), Math.max(...held, 0)];
    return [(low + high) / 2, Math.max(high - low, 2)];
  };
  const [[x, wide], [y, tall]] = [range(0), range(1)];
  const ratio = (box.right - box.left) / (box.bottom - box.top);
  const half = 0.56 * Math.max(tall, wide / ratio);
  return scaled(box, [x - half * ratio, x + half * ratio], [y - half, y + half]);
}

export function drawData(canvas, shown, colours) {
  const frame = framed(canvas);
  const { ink, box } = frame;
  const scale = shown.frozen ? scaled(box, shown.frozen.xs, shown.frozen.ys) : dataScale(box, shown.points);
  const current = shown.run.path[Math.min(shown.step, shown.run.path.length - 1)];
  const line = (params, level) => ends(params, level, scale)?.map(([x, y]) => [scale.x(x), scale.y(y)]);
  within(ink, box, () => {
    tint(ink, scale, current, colours);
    for (const best of shown.optima) drawn(ink, line(best.params, 0), colours[best.colour], 1.8, best.dash);
    const put = (which, params, level) => drawn(ink, line(params, level), colours[LINES[which][0]], ...LINES[which].slice(1));
    put("margin", current, -1);
    put("margin", current, 1);
    if (shown.threshold) put("threshold", current, shown.threshold);
    put("decision", current, 0);
    if (shown.hover) put("hover", shown.hover, 0);
    points(ink, scale, shown, colours);
  });
  axes(frame, scale, colours, shown.columns[0], shown.columns[1]);
  return scale;
}

export function drawn(ink, line, colour, width, dash) {
  if (!line) return;
  ink.strokeStyle = colour;
  ink.lineWidth = width;
  ink.setLineDash(dash);
  stroke(ink, line);
  ink.setLineDash([]);
}

/** Where w.x + b = level crosses the window, far enough out on both sides. */
function ends([a, b, c], level, scale) {
  const norm = Math.hypot(a, b);
  if (!(norm > 1e-12) || !Number.isFinite(norm + c)) return null;
  const [x, y] = [(scale.xs[0] + scale.xs[1]) / 2, (scale.ys[0] + scale.ys[1]) / 2];
  const off = (a * x + b * y + c - level) / norm;
  const [u, v] = [a / norm, b / norm];
  const far = 2 * Math.hypot(scale.xs[1] - scale.xs[0], scale.ys[1] - scale.ys[0]);
  return [1, -1].map((side) => [x - off * u - side * far * v, y - off * v + side * far * u]);
}

/** Colour the side that the line calls positive. */
function tint(ink, scale, params, colours) {
  const line = ends(params, 0, scale);
  if (!line) return;
  const norm = Math.hypot(params[0], params[1]);
  const far = 4 * Math.hypot(scale.xs[1] - scale.xs[0], scale.ys[1] - scale.ys[0]);
  const beyond = line.map(([x, y]) => [x + (far * params[0]) / norm, y + (far * params[1]) / norm]);
  ink.fillStyle = colours.tint;
  ink.beginPath();
  for (const [x, y] of [line[0], line[1], beyond[1], beyond[0]]) ink.lineTo(scale.x(x), scale.y(y));
  ink.fill();
}

function points(ink, scale, shown, colours) {
  const most = Math.max(1e-300, ...shown.seen.slopes.map(Math.abs).filter(Number.isFinite));
  shown.points.forEach((point, i) => {
    const [x, y] = [scale.x(point[0]), scale.y(point[1])];
    const weight = Math.abs(shown.seen.slopes[i]);
    // Hollow where nothing pulls: for the hinge, what is no support vector.
    const pulls = weight > 1e-9;
    const size = 3 + (Number.isFinite(weight) ? 4 * Math.sqrt(weight / most) : 4);
    example(ink, x, y, size, point[2], pulls, colours);
    if (isDead(point, shown.seen.scores[i], shown.seen.slopes[i])) cross(ink, x, y, 5, colours.ink);
    if (i === shown.chosen) {
      ink.lineWidth = 2;
      ink.strokeStyle = colours.path;
      ink.beginPath();
      ink.arc(x, y, size + 5, 0, 2 * Math.PI);
      ink.stroke();
    }
  });
}

/** An example's dot: full where its loss pulls, hollow where it does not. */
export function example(ink, x, y, size, label, pulls, colours) {
  const colour = colourOf(label, colours);
  ink.lineWidth = pulls ? 0.8 : 1.8;
  mark(ink, shapeOf(label), x, y, size, pulls ? colour : colours.paper, pulls ? colours.ink : colour);
}

/** What a screen reader says of this view. */
export function dataInWords(shown) {
  const count = (test) => shown.points.filter((p, i) => test(p, shown.seen.scores[i], shown.seen.slopes[i])).length;
  const wrong = count((p, z) => isWrong(p, z));
  const pulling = count((_, __, slope) => Math.abs(slope) > 1e-9);
  const soft = shown.points.filter((p) => Math.abs(p[2]) < 1).length;
  return `Data of ${shown.name}: ${shown.points.length} examples, ${wrong} on the wrong side of the line, ${pulling} pull, ${count(isDead)} dead${soft ? `, ${soft} with a soft label` : ""}.`;
}
