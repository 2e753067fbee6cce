// View 2: the objective over two parameters, what pulls where, the run, and the exact optima.
import { look, NAMES } from "./objective.mjs";
import { axes, contours, framed, hatch, mark, picture, scaled, stroke, told, within } from "./paint.mjs";

export function drawPlane(canvas, shown, colours) {
  const frame = framed(canvas);
  const { ink, box } = frame;
  const { surface, window: view } = shown;
  const [i, j] = view.axes;
  const scale = planeScale(box, view);
  const scaleOf = surface.shades;
  within(ink, box, () => {
    // Values stand at the middles of their pixels: half a cell sticks out on every side.
    const [w, h] = [(box.right - box.left) / (surface.n - 1), (box.bottom - box.top) / (surface.n - 1)];
    ink.imageSmoothingEnabled = true;
    ink.drawImage(picture(surface, scaleOf), box.left - w / 2, box.top - h / 2, box.right - box.left + w, box.bottom - box.top + h);
    ink.strokeStyle = "rgba(255,255,255,0.45)";
    ink.lineWidth = 0.8;
    ink.beginPath();
    const pieces = contours(surface, Array.from({ length: 13 }, (_, k) => scaleOf.level((k + 1) / 14)));
    for (let k = 0; k < pieces.length; k += 4) {
      ink.moveTo(box.left + pieces[k] * w, box.bottom - pieces[k + 1] * h);
      ink.lineTo(box.left + pieces[k + 2] * w, box.bottom - pieces[k + 3] * h);
    }
    ink.stroke();
    hatch(ink, scale, surface, shown.plateaus);
    arrows(ink, scale, shown);
    const at = (params) => [scale.x(params[i]), scale.y(params[j])];
    if (shown.beside && !shown.veiled) ran(ink, shown.beside, at, colours[shown.beside.colour], [6, 4]);
    if (shown.veiled) beginning(ink, at(shown.run.path[0]), colours[shown.colour]);
    else ran(ink, { ...shown.run, step: shown.step }, at, colours[shown.colour], []);
    for (const best of shown.optima) optimum(ink, best, ...at(best.params), colours);
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

/** An optimum's mark; one that was found without proof is open, so that a proven one is seen within. */
export function optimum(ink, best, x, y, colours) {
  if (best.found) {
    for (const [width, colour] of [[5, "white"], [2.5, colours[best.colour]]]) {
      ink.lineWidth = width;
      mark(ink, best.shape, x, y, 9, "transparent", colour);
    }
    return;
  }
  ink.lineWidth = 1.4;
  mark(ink, best.shape, x, y, 8, colours[best.colour], "white");
}

/** The square on which a run begins. */
export function beginning(ink, [x, y], colour) {
  ink.lineWidth = 1.5;
  mark(ink, "square", x, y, 5, "white", colour);
}

/** A run: its whole path faintly, what it has gone in full, its beginning and where it is now. */
export function ran(ink, { path, step }, at, colour, dash) {
  const now = Math.min(step, path.length - 1);
  ink.lineJoin = "round";
  for (const [points, alpha] of [[path, 0.5], [path.slice(0, now + 1), 1]]) {
    ink.globalAlpha = alpha;
    for (const [width, shade, dashes] of [[4.5, "white", []], [2.5, colour, dash]]) {
      ink.lineWidth = width;
      ink.strokeStyle = shade;
      ink.setLineDash(dashes);
      stroke(ink, points.map(at));
    }
  }
  ink.setLineDash([]);
  ink.globalAlpha = 1;
  beginning(ink, at(path[0]), colour);
  ink.lineWidth = 1.5;
  mark(ink, "circle", ...at(path[now]), 4.5, colour, "white");
}

/** Where the run is and where the optima are. */
function marksInWords(shown) {
  const place = (params) => NAMES.map((name, k) => `${name} ${told(params[k])}`).join(", ");
  const optima = shown.optima.map((best) => ` ${best.name} at ${place(best.params)}.`).join("");
  return ` ${shown.veiled ? "The run begins" : `At step ${shown.step} the run is`} at ${place(shown.at)}.${optima}`;
}

/** What a screen reader says of this view. */
export function planeInWords(shown, keys = true) {
  const [i, j] = shown.window.axes;
  const fixed = 3 - i - j;
  const share = shown.plateaus.reduce((sum, p) => sum + p, 0) / shown.plateaus.length;
  const scale = shown.surface.shades;
  const flat = share > 0 ? ` ${Math.round(100 * share)} percent of it is a plateau, hatched.` : "";
  return (
    `Landscape of ${shown.name} over ${NAMES[i]} and ${NAMES[j]}, at ${NAMES[fixed]} = ${told(shown.at[fixed])}. ` +
    `Least value shown ${told(scale.low)}.${flat}${marksInWords(shown)}${keys ? " Arrow keys move the start, plus and minus zoom." : ""}`
  );
}
