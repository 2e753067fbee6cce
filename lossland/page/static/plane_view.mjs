// View 2: the objective over two parameters, what pulls where, the run, and the exact optima.
import { look, NAMES } from "./objective.mjs";
import { axes, contour, framed, hatch, mark, picture, scaled, shades, stroke, told, within } from "./paint.mjs";

export function drawPlane(canvas, shown, colours) {
  const frame = framed(canvas);
  const { ink, box } = frame;
  const { surface, window: view } = shown;
  const [i, j] = view.axes;
  const scale = planeScale(box, view);
  const scaleOf = shades(surface.values);
  within(ink, box, () => {
    // Values stand at the middles of their pixels: half a cell sticks out on every side.
    const [w, h] = [(box.right - box.left) / (surface.n - 1), (box.bottom - box.top) / (surface.n - 1)];
    ink.imageSmoothingEnabled = true;
    ink.drawImage(picture(surface, scaleOf), box.left - w / 2, box.top - h / 2, box.right - box.left + w, box.bottom - box.top + h);
    ink.strokeStyle = "rgba(255,255,255,0.45)";
    ink.lineWidth = 0.8;
    ink.beginPath();
    for (let k = 1; k < 14; k++) {
      for (const [a, b] of contour(surface, scaleOf.level(k / 14))) {
        ink.moveTo(box.left + a[0] * w, box.bottom - a[1] * h);
        ink.lineTo(box.left + b[0] * w, box.bottom - b[1] * h);
      }
    }
    ink.stroke();
    hatch(ink, scale, surface, shown.plateaus);
    arrows(ink, scale, shown);
    for (const best of shown.optima) {
      const [x, y] = [scale.x(best.params[i]), scale.y(best.params[j])];
      ink.lineWidth = 1.4;
      mark(ink, best.shape, x, y, 8, colours[best.colour], "white");
    }
    run(ink, scale, shown, i, j, colours);
  });
  axes(frame, scale, colours, label(i), label(j));
}

const label = (k) => ["weight w1", "weight w2", "bias b"][k];

export function planeScale(box, view) {
  const [i, j] = view.axes;
  const range = (middle) => [middle - view.half, middle + view.half];
  return scaled(box, range(view.middle[i]), range(view.middle[j]));
}

function arrows(ink, scale, shown) {
  const [i, j] = shown.window.axes;
  const count = 9;
  const found = [];
  for (let a = 0; a < count; a++) {
    for (let b = 0; b < count; b++) {
      const params = shown.at.slice();
      params[i] = scale.xs[0] + ((a + 0.5) / count) * (scale.xs[1] - scale.xs[0]);
      params[j] = scale.ys[0] + ((b + 0.5) / count) * (scale.ys[1] - scale.ys[0]);
      const { value, gradient } = look(shown.problem, params);
      if (!Number.isFinite(value)) continue;
      found.push([scale.x(params[i]), scale.y(params[j]), -gradient[i], gradient[j]]);
    }
  }
  const sizes = found.map((f) => Math.hypot(f[2], f[3])).filter(Number.isFinite).sort((x, y) => x - y);
  const typical = sizes[Math.floor(0.8 * (sizes.length - 1))] || 1;
  ink.strokeStyle = "rgba(255,255,255,0.9)";
  ink.lineWidth = 1.1;
  for (const [x, y, dx, dy] of found) {
    const size = Math.hypot(dx, dy);
    // No arrow where nothing pulls.
    if (!(size > 1e-6 * typical) || !Number.isFinite(size)) continue;
    const long = 13 * Math.min(1.2, 0.25 + size / typical);
    const [u, v] = [dx / size, dy / size];
    const [tipX, tipY] = [x + long * u, y + long * v];
    stroke(ink, [[x, y], [tipX, tipY]]);
    stroke(ink, [[tipX - 4 * u + 2.5 * v, tipY - 4 * v - 2.5 * u], [tipX, tipY], [tipX - 4 * u - 2.5 * v, tipY - 4 * v + 2.5 * u]]);
  }
}

function run(ink, scale, shown, i, j, colours) {
  const at = (params) => [scale.x(params[i]), scale.y(params[j])];
  const { path } = shown.run;
  const step = Math.min(shown.step, path.length - 1);
  ink.lineJoin = "round";
  for (const [points, alpha] of [[path, 0.5], [path.slice(0, step + 1), 1]]) {
    ink.globalAlpha = alpha;
    for (const [width, colour] of [[4.5, "white"], [2.5, colours.path]]) {
      ink.lineWidth = width;
      ink.strokeStyle = colour;
      stroke(ink, points.map(at));
    }
  }
  ink.globalAlpha = 1;
  ink.lineWidth = 1.5;
  mark(ink, "square", ...at(path[0]), 5, "white", colours.path);
  mark(ink, "circle", ...at(path[step]), 4.5, colours.path, "white");
}

/** What a screen reader says of this view. */
export function planeInWords(shown) {
  const [i, j] = shown.window.axes;
  const fixed = 3 - i - j;
  const share = shown.plateaus.reduce((sum, p) => sum + p, 0) / shown.plateaus.length;
  const scale = shades(shown.surface.values);
  const flat = share > 0 ? ` ${Math.round(100 * share)} percent of it is a plateau, hatched.` : "";
  return (
    `Landscape of ${shown.name} over ${NAMES[i]} and ${NAMES[j]}, at ${NAMES[fixed]} = ${told(shown.at[fixed])}. ` +
    `Least value shown ${told(scale.low)}.${flat} Arrow keys move the start, plus and minus zoom.`
  );
}
