// The question on top: two curves a class, a dot that a finger drags along them, and what pulls it where.
import { axes, framed, mark, scaled, stroke, within } from "./paint.mjs";
import { slopeAt, valueAt } from "./tables.mjs";

const PAIRS = [
  { pair: "identity+hinge", colour: "svm", name: "linear output: the SVM" },
  { pair: "relu+hinge", colour: "path", name: "ReLU output" },
];
const REACH = 3;
const TOP = 4.3;

/** Which pairs pull an example at a score, by how much: minus the slopes of their losses. */
export function pullsAt(app, side, z) {
  return PAIRS.map(({ pair }) => -slopeAt(app.curves(pair)[side], z));
}

/** What happens to an example at a score, in a sentence. */
export function happens(app, side, z) {
  const [svm, relu] = pullsAt(app, side, z).map((pull) => Math.abs(pull) > 1e-6);
  const wrong = z > 0 !== (side === "positive");
  const who = `A ${side} example with the score ${Number(z.toFixed(1))} is ${wrong ? "wrong" : "right"}. `;
  if (svm && relu) return `${who}Both losses pull it the same way.`;
  if (!svm && !relu) return `${who}Neither loss pulls: it has room enough.`;
  if (!svm) return `${who}Only the loss behind the ReLU output pulls.`;
  if (wrong) return `${who}The SVM's loss pulls it back. Behind a ReLU output the loss is flat: nothing pulls, it is stuck.`;
  return `${who}The SVM's loss still pulls, to make room. Behind a ReLU output nothing does: there is no margin.`;
}

/** Both drawings, their dots and sliders; `open` shows the workbench. */
export function ask(app, section) {
  const views = ["positive", "negative"].map((side) => {
    const figure = section.querySelector(`.${side}`);
    return { side, canvas: figure.querySelector("canvas"), slider: figure.querySelector("input") };
  });
  const said = section.querySelector(".happens");
  const draw = () => views.forEach((view) => drawn(app, view));
  const move = (view, z) => {
    view.slider.value = Math.min(Math.max(z, -REACH), REACH);
    said.textContent = happens(app, view.side, view.slider.valueAsNumber);
    drawn(app, view);
  };
  for (const view of views) {
    view.slider.addEventListener("input", () => move(view, view.slider.valueAsNumber));
    const drag = (event) => {
      const left = view.canvas.getBoundingClientRect().left;
      move(view, view.scale.fromX(event.clientX - left));
    };
    view.canvas.addEventListener("pointerdown", (event) => {
      view.canvas.setPointerCapture(event.pointerId);
      drag(event);
    });
    view.canvas.addEventListener("pointermove", (event) => event.buttons && drag(event));
  }
  said.textContent = happens(app, "positive", views[0].slider.valueAsNumber);
  return draw;
}

function drawn(app, view) {
  const { side, canvas, slider } = view;
  const frame = framed(canvas);
  const { ink, box } = frame;
  const colours = app.colours;
  const z = slider.valueAsNumber;
  const scale = (view.scale = scaled(box, [-REACH, REACH], [-0.35, TOP]));
  axes(frame, scale, colours, `score z of a ${side} example`, "loss");
  within(ink, box, () => {
    ink.strokeStyle = colours.line;
    stroke(ink, [[scale.x(0), box.top], [scale.x(0), box.bottom]]);
    const scores = Array.from({ length: 241 }, (_, i) => -REACH + (i * REACH) / 120);
    PAIRS.forEach(({ pair }, k) => {
      const curve = app.curves(pair)[side];
      line(ink, scores.map((x) => [scale.x(x), scale.y(valueAt(curve, x))]), colours, k);
    });
    const pulls = pullsAt(app, side, z);
    PAIRS.forEach(({ pair, colour }, k) => {
      const [x, y] = [scale.x(z), scale.y(valueAt(app.curves(pair)[side], z))];
      if (Math.abs(pulls[k]) > 1e-6) arrow(ink, x, y, 46 * Math.sign(pulls[k]), colours[colour], k);
      mark(ink, side === "positive" ? "circle" : "square", x, y, 7, colours[side], colours.ink);
    });
  });
  legend(ink, box, colours, side, pullsAt(app, side, z));
  canvas.setAttribute("aria-label", happens(app, side, z));
}

/** An arrow sideways from a dot; the second a little lower, so that two of one place are both seen. */
function arrow(ink, x, y, length, colour, k) {
  const high = y + (k ? 5 : -5);
  const tip = x + length;
  const back = tip - 9 * Math.sign(length);
  ink.strokeStyle = ink.fillStyle = colour;
  ink.lineWidth = 3.2;
  stroke(ink, [[x, high], [back, high]]);
  ink.beginPath();
  ink.moveTo(tip, high);
  ink.lineTo(back, high - 5);
  ink.lineTo(back, high + 5);
  ink.fill();
}

/** Both names with what they do now, beside a piece of their curves, in the corner that the curves leave free. */
function legend(ink, box, colours, side, pulls) {
  ink.textBaseline = "middle";
  ink.textAlign = "left";
  ink.font = "13px system-ui, sans-serif";
  const texts = PAIRS.map(({ name }, k) => `${name}: ${Math.abs(pulls[k]) > 1e-6 ? "pulls" : "does not pull"}`);
  const wide = 36 + Math.max(...texts.map((text) => ink.measureText(text).width));
  const left = side === "positive" ? box.right - 8 - wide : box.left + 8;
  texts.forEach((text, k) => {
    const y = box.top + 14 + 19 * k;
    line(ink, [[left, y], [left + 30, y]], colours, k);
    ink.fillStyle = colours.ink;
    ink.fillText(text, left + 36, y);
  });
}

/** A curve of one of the two pairs, or a piece of it. */
function line(ink, points, colours, k) {
  ink.strokeStyle = colours[PAIRS[k].colour];
  ink.lineWidth = 2.6;
  ink.setLineDash(k ? [8, 4] : []);
  stroke(ink, points);
  ink.setLineDash([]);
}
