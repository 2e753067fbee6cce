// Drawing on a canvas: frames, axes, colours, contour lines, hatching.

/** The colours of the style sheet, in the theme that is on. */
export function palette() {
  const style = getComputedStyle(document.documentElement);
  const names = ["ink", "soft", "line", "paper", "positive", "negative", "svm", "logistic", "path", "sigmoid", "other", "tint"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/** Clear a canvas, fit it to its place and the screen, and give what a drawing needs. */
export function framed(canvas) {
  const width = canvas.clientWidth || 320;
  const height = canvas.clientHeight || 280;
  const ratio = Math.min(window.devicePixelRatio || 1, 3);
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const ink = canvas.getContext("2d");
  ink.setTransform(ratio, 0, 0, ratio, 0, 0);
  ink.clearRect(0, 0, width, height);
  ink.font = "12px system-ui, sans-serif";
  return { ink, width, height, box: { left: 40, top: 8, right: width - 8, bottom: height - 34 } };
}

/** Maps between numbers and pixels of a box. */
export function scaled(box, xs, ys) {
  return {
    x: (v) => box.left + ((v - xs[0]) / (xs[1] - xs[0])) * (box.right - box.left),
    y: (v) => box.bottom - ((v - ys[0]) / (ys[1] - ys[0])) * (box.bottom - box.top),
    fromX: (p) => xs[0] + ((p - box.left) / (box.right - box.left)) * (xs[1] - xs[0]),
    fromY: (p) => ys[0] + ((box.bottom - p) / (box.bottom - box.top)) * (ys[1] - ys[0]),
    xs,
    ys,
    box,
  };
}

/** Round numbers between two ends, about so many. */
export function ticks(low, high, about = 5) {
  const rough = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(Number((k * step).toPrecision(10)));
  return found;
}

export function axes({ ink, box }, scale, colours, xName, yName, grid = false) {
  ink.save();
  ink.strokeStyle = colours.line;
  ink.fillStyle = colours.soft;
  ink.lineWidth = 1;
  ink.textBaseline = "top";
  ink.textAlign = "center";
  for (const v of ticks(scale.xs[0], scale.xs[1], (box.right - box.left) / 55)) {
    const x = scale.x(v);
    ink.fillText(String(v), x, box.bottom + 4);
    if (grid) stroke(ink, [[x, box.top], [x, box.bottom]]);
  }
  ink.textAlign = "right";
  ink.textBaseline = "middle";
  for (const v of ticks(scale.ys[0], scale.ys[1], (box.bottom - box.top) / 40)) {
    const y = scale.y(v);
    ink.fillText(String(v), box.left - 5, y);
    if (grid) stroke(ink, [[box.left, y], [box.right, y]]);
  }
  ink.strokeRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  ink.fillStyle = colours.ink;
  ink.textAlign = "center";
  ink.textBaseline = "bottom";
  ink.fillText(xName, (box.left + box.right) / 2, box.bottom + 33);
  ink.translate(9, (box.top + box.bottom) / 2);
  ink.rotate(-Math.PI / 2);
  ink.textBaseline = "middle";
  ink.fillText(yName, 0, 0);
  ink.restore();
}

export function stroke(ink, points) {
  ink.beginPath();
  points.forEach(([x, y], k) => (k ? ink.lineTo(x, y) : ink.moveTo(x, y)));
  ink.stroke();
}

/** Keep to a box while drawing. */
export function within(ink, box, draw) {
  ink.save();
  ink.beginPath();
  ink.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  ink.clip();
  draw();
  ink.restore();
}

// Viridis at eleven places (Smith, van der Walt & Firing 2015).
export const VIRIDIS = ["440154", "482576", "414487", "35608d", "2a788e", "21918c", "22a884", "44bf70", "7ad151", "bddf26", "fde725"].map((hex) =>
  [0, 2, 4].map((k) => parseInt(hex.slice(k, k + 2), 16)),
);

export function viridis(t) {
  const place = Math.min(Math.max(t, 0), 1) * 10;
  const k = Math.min(Math.floor(place), 9);
  return VIRIDIS[k].map((c, i) => c + (place - k) * (VIRIDIS[k + 1][i] - c));
}

const SHADES = Uint8ClampedArray.from({ length: 3 * 512 }, (_, k) => viridis(Math.floor(k / 3) / 511)[k % 3]);

/** A colour scale of a surface: its least and nearly its largest value, and a map onto [0, 1] that spreads the low ones. */
export function shades(values) {
  const finite = values.filter(Number.isFinite).sort();
  if (!finite.length) return { low: 0, high: 1, shade: () => 0, level: () => 0 };
  const low = finite[0];
  const high = Math.max(finite[Math.floor(0.98 * (finite.length - 1))], low + 1e-9);
  // Logarithmic above what a tenth of the places stays below: steep walls do not swallow the valley.
  const unit = Math.max(finite[Math.floor(0.1 * (finite.length - 1))] - low, 1e-6 * (high - low));
  const span = Math.log1p((high - low) / unit);
  return { low, high, shade: (v) => Math.log1p(Math.max(0, v - low) / unit) / span, level: (t) => low + unit * Math.expm1(t * span) };
}

/** A surface's values as a small picture, which the canvas stretches smoothly. */
export function picture(surface, scale) {
  const { n, values } = surface;
  const small = new OffscreenCanvas(n, n);
  const ink = small.getContext("2d");
  const image = ink.createImageData(n, n);
  const { data } = image;
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < n; column++) {
      const value = values[row * n + column];
      const place = 4 * ((n - 1 - row) * n + column);
      const shade = Number.isFinite(value) ? 3 * Math.round(511 * Math.min(Math.max(scale.shade(value), 0), 1)) : -1;
      for (let k = 0; k < 3; k++) data[place + k] = shade < 0 ? 150 : SHADES[shade + k];
      data[place + 3] = 255;
    }
  }
  ink.putImageData(image, 0, 0);
  return small;
}

/** Pieces of the lines on which a surface takes rising levels: column, row, column, row of each, by marching squares. */
export function contours(surface, levels) {
  const { n, values } = surface;
  const pieces = [];
  const [columns, rows, corners] = [[0, 1, 1, 0], [0, 0, 1, 1], [0, 0, 0, 0]];
  for (let row = 0; row + 1 < n; row++) {
    for (let column = 0; column + 1 < n; column++) {
      const at = row * n + column;
      [corners[0], corners[1], corners[2], corners[3]] = [values[at], values[at + 1], values[at + n + 1], values[at + n]];
      const [low, high] = [Math.min(corners[0], corners[1], corners[2], corners[3]), Math.max(corners[0], corners[1], corners[2], corners[3])];
      if (!Number.isFinite(high - low)) continue;
      for (let l = 0; l < levels.length && levels[l] <= high; l++) {
        if (levels[l] <= low) continue;
        const before = pieces.length;
        for (let k = 0; k < 4; k++) {
          const [a, b, m] = [corners[k], corners[(k + 1) % 4], (k + 1) % 4];
          if (a < levels[l] === b < levels[l]) continue;
          const t = (levels[l] - a) / (b - a);
          pieces.push(column + columns[k] + t * (columns[m] - columns[k]), row + rows[k] + t * (rows[m] - rows[k]));
        }
        if ((pieces.length - before) % 4) pieces.length = before;
      }
    }
  }
  return pieces;
}

/** Slanted lines over the cells that are marked. */
export function hatch(ink, scale, surface, marked) {
  const { n, across, up } = surface;
  const region = new Path2D();
  let any = false;
  const [w, h] = [scale.x(across[1]) - scale.x(across[0]), scale.y(up[0]) - scale.y(up[1])];
  for (let place = 0; place < n * n; place++) {
    if (!marked[place]) continue;
    any = true;
    region.rect(scale.x(across[place % n]) - w / 2, scale.y(up[Math.floor(place / n)]) - h / 2, w + 0.5, h + 0.5);
  }
  if (!any) return;
  ink.save();
  ink.clip(region);
  slanted(ink, scale.box);
  ink.restore();
}

/** The lines of the hatching over a whole box. */
export function slanted(ink, { left, right, top, bottom }) {
  ink.strokeStyle = "rgba(255,255,255,0.75)";
  ink.lineWidth = 1.2;
  for (let x = left - (bottom - top); x < right; x += 9) stroke(ink, [[x, bottom], [x + bottom - top, top]]);
}

/** A mark with a rim: circle, square, star, diamond or triangle. */
export function mark(ink, shape, x, y, size, fill, rim) {
  ink.beginPath();
  if (shape === "circle") ink.arc(x, y, size, 0, 2 * Math.PI);
  else {
    const corners = { square: 4, diamond: 4, star: 10, triangle: 3 }[shape];
    const turn = shape === "square" ? Math.PI / 4 : -Math.PI / 2;
    for (let k = 0; k < corners; k++) {
      const r = (shape === "star" && k % 2 ? 0.45 : 1) * size * (shape === "square" ? 1.2 : 1.3);
      const angle = turn + (2 * Math.PI * k) / corners;
      ink.lineTo(x + r * Math.cos(angle), y + r * Math.sin(angle));
    }
    ink.closePath();
  }
  ink.fillStyle = fill;
  ink.fill();
  if (rim) {
    ink.strokeStyle = rim;
    ink.stroke();
  }
}

/** The colour between two, "#rrggbb" each: all of the second at 1. */
export function mixed(first, second, t) {
  const part = (colour, k) => parseInt(colour.slice(1 + 2 * k, 3 + 2 * k), 16);
  return `rgb(${[0, 1, 2].map((k) => Math.round((1 - t) * part(first, k) + t * part(second, k)))})`;
}

/** The colour of an example: that of its class, or of a soft label between the two. */
export function colourOf(label, colours) {
  if (Math.abs(label) === 1) return label > 0 ? colours.positive : colours.negative;
  return mixed(colours.negative, colours.positive, (1 + label) / 2);
}

/** The shape of an example's dot; a label just between the classes counts as positive, as in Python. */
export const shapeOf = (label) => (label >= 0 ? "circle" : "square");

/** A cross of two lines: an example that is wrong and that nothing pulls. */
export function cross(ink, x, y, size, colour) {
  ink.strokeStyle = colour;
  ink.lineWidth = 1.6;
  stroke(ink, [[x - size, y - size], [x + size, y + size]]);
  stroke(ink, [[x - size, y + size], [x + size, y - size]]);
}

/** A number for a reader: four digits. */
export function told(x) {
  if (!Number.isFinite(x)) return x > 0 ? "infinite" : Number.isNaN(x) ? "not a number" : "-infinite";
  return String(Number(x.toPrecision(4)));
}
