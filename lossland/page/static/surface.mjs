// The landscape in three dimensions, by plotly.js, which is unpacked when it is first asked for.
import { shades, VIRIDIS } from "./paint.mjs";
import { unpacked } from "./tables.mjs";

let loading = null;

export function plotly() {
  loading ??= unpacked(document.getElementById("plotly").textContent).then((bytes) => {
    const script = document.createElement("script");
    script.textContent = new TextDecoder().decode(bytes);
    document.head.append(script);
    return window.Plotly;
  });
  return loading;
}

export async function drawSurface(place, shown, colours) {
  const library = await plotly();
  const { surface, window: view, run } = shown;
  const [i, j] = view.axes;
  const { high, low } = shades(surface.values);
  const rows = Array.from({ length: surface.n }, (_, k) =>
    Array.from(surface.values.subarray(k * surface.n, (k + 1) * surface.n), (v) => (Number.isFinite(v) ? Math.min(v, high) : null)),
  );
  const lift = 0.01 * (high - low);
  const step = Math.min(shown.step, run.path.length - 1);
  const held = run.path.slice(0, step + 1).map((p, k) => [p[i], p[j], run.values[k] + lift]).filter((p) => p[2] <= high);
  const name = (k) => ({ title: { text: ["w1", "w2", "b"][k] }, color: colours.ink, gridcolor: colours.line });
  const data = [
    {
      type: "surface",
      x: Array.from(surface.across),
      y: Array.from(surface.up),
      z: rows,
      colorscale: VIRIDIS.map((rgb, k) => [k / 10, `rgb(${rgb})`]),
      showscale: false,
      contours: { z: { show: true, color: "rgba(255,255,255,0.5)", start: low, end: high, size: (high - low) / 14 } },
    },
    {
      type: "scatter3d",
      mode: "lines+markers",
      x: held.map((p) => p[0]),
      y: held.map((p) => p[1]),
      z: held.map((p) => p[2]),
      line: { color: colours.path, width: 6 },
      marker: { size: held.map((_, k) => (k === held.length - 1 ? 6 : 1)), color: colours.path },
    },
  ];
  const layout = {
    margin: { l: 0, r: 0, t: 0, b: 0 },
    showlegend: false,
    uirevision: "keep",
    paper_bgcolor: "rgba(0,0,0,0)",
    font: { color: colours.ink, size: 11 },
    scene: { aspectmode: "cube", camera: { eye: { x: 1.35, y: -1.45, z: 0.95 }, center: { x: 0, y: 0, z: -0.12 } }, xaxis: name(i), yaxis: name(j), zaxis: { ...name(i), title: { text: "objective" } } },
  };
  await library.react(place, data, layout, { responsive: true, displayModeBar: false });
}
