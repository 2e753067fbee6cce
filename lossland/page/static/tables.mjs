// The class curves of a pair: quintics between the nodes that Python chose. No formula of a loss stands here.

/** What Python packed: base64 of gzip, as an ArrayBuffer. */
export async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

/** Both class curves of an entry of the table: {positive, negative}. */
export function curvesOf(buffer, entry) {
  const { nodes, kinks, at } = entry;
  const scores = new Float64Array(buffer, at, nodes);
  const rows = new Float32Array(buffer, at + 8 * nodes, 6 * nodes);
  const ties = new Float32Array(buffer, at + 32 * nodes, 8 * kinks);
  const kinkAt = new Int16Array(nodes).fill(-1);
  for (let i = 1, k = 0; i < nodes; i++) if (scores[i] === scores[i - 1]) kinkAt[i] = k++;
  const inverse = Float64Array.from(scores, (left, i) => (scores[i + 1] > left ? 1 / (scores[i + 1] - left) : 0));
  const curve = (row) => {
    const part = (order) => rows.subarray((2 * order + row) * nodes, (2 * order + row + 1) * nodes);
    const [values, slopes, bends] = [part(0), part(1), part(2)];
    // Of each kink: value and slope for tie 0, then for tie 1.
    const tied = Float64Array.from({ length: 4 * kinks }, (_, k) => ties[8 * (k >> 2) + 2 * (k & 3) + row]);
    return {
      scores,
      kinkAt,
      tied,
      inverse,
      first: scores[0],
      last: scores[nodes - 1],
      ends: endsOf(scores, values, slopes, bends),
      cells: cellsOf(scores, values, slopes, bends),
      hint: 0,
    };
  };
  return { positive: curve(0), negative: curve(1) };
}

function endsOf(scores, values, slopes, bends) {
  return [0, scores.length - 1].map((i) => ({ at: scores[i], value: values[i], slope: slopes[i], bend: bends[i] }));
}

/** Six coefficients a cell, of powers of t = (z - left) / width. */
function cellsOf(scores, values, slopes, bends) {
  const cells = new Float64Array(6 * (scores.length - 1));
  for (let i = 0; i + 1 < scores.length; i++) {
    const h = scores[i + 1] - scores[i];
    const [v0, v1] = [values[i], values[i + 1]];
    if (h === 0 || !Number.isFinite(v0) || !Number.isFinite(v1)) {
      // Infinite between two infinite ends; beside one, what the finite end has.
      cells[6 * i] = Number.isFinite(v0) || h === 0 ? v0 : v1;
      continue;
    }
    const [s0, s1, c0, c1] = [slopes[i], slopes[i + 1], bends[i], bends[i + 1]];
    const dv = v1 - v0 - h * (s0 + 0.5 * h * c0);
    const ds = h * (s1 - s0 - h * c0);
    const dc = h * h * (c1 - c0);
    const cell = [v0, h * s0, 0.5 * h * h * c0, 10 * dv - 4 * ds + 0.5 * dc, -15 * dv + 7 * ds - dc, 6 * dv - 3 * ds + 0.5 * dc];
    cells.set(cell, 6 * i);
  }
  return cells;
}

/** The cell in which a score lies; a score on a kink lies in the cell to its right. */
export function cellOf(curve, z) {
  const scores = curve.scores;
  const near = curve.hint;
  if (scores[near] <= z && z < scores[near + 1]) return near;
  let low = 0;
  let high = scores.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (scores[middle] <= z) low = middle;
    else high = middle;
  }
  curve.hint = low;
  return low;
}

/** The loss at a score; tie decides at a kink where the value jumps. */
export function valueAt(curve, z, tie = 0) {
  const i = cellOf(curve, z);
  if (z < curve.first || z > curve.last) return beyond(curve, z, 0);
  const left = curve.scores[i];
  if (z === left && curve.kinkAt[i] >= 0) return tied(curve, i, 0, tie);
  const t = (z - left) * curve.inverse[i];
  const c = curve.cells;
  const j = 6 * i;
  return c[j] + t * (c[j + 1] + t * (c[j + 2] + t * (c[j + 3] + t * (c[j + 4] + t * c[j + 5]))));
}

/** The slope at a score; at a kink the one that JAX takes with this tie. */
export function slopeAt(curve, z, tie = 0) {
  const i = cellOf(curve, z);
  if (z < curve.first || z > curve.last) return beyond(curve, z, 1);
  const left = curve.scores[i];
  if (z === left && curve.kinkAt[i] >= 0) return tied(curve, i, 1, tie);
  const inverse = curve.inverse[i];
  const t = (z - left) * inverse;
  const c = curve.cells;
  const j = 6 * i;
  return (c[j + 1] + t * (2 * c[j + 2] + t * (3 * c[j + 3] + t * (4 * c[j + 4] + t * 5 * c[j + 5])))) * inverse;
}

/**
 * Add share times the loss at the scores start + x * across[k] to values[first + k], k < n: `valueAt` for a row of a
 * landscape, which stays in one cell for many of its places. `across` is evenly spaced.
 */
export function addAlong(curve, values, first, n, start, x, across, share, tie) {
  const { scores, kinkAt, inverse, cells } = curve;
  const gap = n > 1 ? across[1] - across[0] : 1;
  let k = 0;
  let i = curve.hint;
  while (k < n) {
    const z = start + x * across[k];
    // The next cell on the way, as a rule.
    const next = x > 0 ? Math.min(i + 1, scores.length - 2) : Math.max(i - 1, 0);
    i = scores[next] <= z && z < scores[next + 1] ? next : cellOf(curve, z);
    if (!(z > curve.first && z < curve.last) || (z === scores[i] && kinkAt[i] >= 0)) {
      values[first + k] += share * valueAt(curve, z, tie);
      k += 1;
      continue;
    }
    const left = scores[i];
    const scale = inverse[i];
    const j = 6 * i;
    // The places before the cell's end; one that lies on it, as far as rounding tells, is looked up by itself.
    const end = x ? ((x > 0 ? scores[i + 1] : left) - start) / x : Infinity;
    const last = Math.max(k + 1, Math.min(n, Math.ceil((end - across[0]) / gap - 1e-6)));
    if (cells[j + 2] || cells[j + 3] || cells[j + 4] || cells[j + 5]) {
      for (; k < last; k++) {
        const t = (start + x * across[k] - left) * scale;
        values[first + k] += share * (cells[j] + t * (cells[j + 1] + t * (cells[j + 2] + t * (cells[j + 3] + t * (cells[j + 4] + t * cells[j + 5])))));
      }
    } else {
      const base = share * (cells[j] + (start - left) * scale * cells[j + 1]);
      const rise = share * scale * cells[j + 1] * x;
      if (base === 0 && rise === 0) k = last;
      for (; k < last; k++) values[first + k] += base + rise * across[k];
    }
  }
}

/** The sum of share times the loss at the scores of some examples; their slopes are added to `slopes`. */
export function addLosses(curve, of, share, zs, slopes, tie) {
  const { scores, kinkAt, inverse, cells, first, last } = curve;
  let sum = 0;
  let i = 0;
  for (let k = 0; k < of.length; k++) {
    const z = zs[of[k]];
    if (!(scores[i] <= z && z < scores[i + 1])) i = cellOf(curve, z);
    if (!(z >= first && z <= last) || (z === scores[i] && kinkAt[i] >= 0)) {
      sum += share[k] * valueAt(curve, z, tie);
      slopes[of[k]] += share[k] * slopeAt(curve, z, tie);
      continue;
    }
    const scale = inverse[i];
    const j = 6 * i;
    const t = (z - scores[i]) * scale;
    const c1 = cells[j + 1];
    const c2 = cells[j + 2];
    const c3 = cells[j + 3];
    const c4 = cells[j + 4];
    const c5 = cells[j + 5];
    sum += share[k] * (cells[j] + t * (c1 + t * (c2 + t * (c3 + t * (c4 + t * c5)))));
    slopes[of[k]] += share[k] * (c1 + t * (2 * c2 + t * (3 * c3 + t * (4 * c4 + t * 5 * c5)))) * scale;
  }
  return sum;
}

/** Value (0) or slope (1) beyond the table: the parabola of its end. */
function beyond(curve, z, order) {
  const end = curve.ends[z < curve.first ? 0 : 1];
  const d = z - end.at;
  return order ? end.slope + d * end.bend : end.value + d * (end.slope + 0.5 * d * end.bend);
}

/** Value (0) or slope (1) on a kink. */
function tied(curve, i, order, tie) {
  const place = 4 * curve.kinkAt[i] + order;
  return curve.tied[place] + tie * (curve.tied[place + 2] - curve.tied[place]);
}
