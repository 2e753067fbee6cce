// Pointer and keyboard on the landscape and on the data.
import { probabilityOf } from "./objective.mjs";
import { planeScale } from "./plane_view.mjs";

const MOST = 200;
const rounded = (x) => Number(x.toFixed(4));

export function atPointer(canvas, event) {
  const place = canvas.getBoundingClientRect();
  return [event.clientX - place.left, event.clientY - place.top];
}

/** Fingers scroll the page, except those that come down on what can be dragged. */
function scrollsBut(canvas, grabs) {
  canvas.addEventListener("touchstart", (event) => event.touches.length === 1 && grabs(event.touches[0]) && event.preventDefault(), { passive: false });
}

/** The landscape: hovering shows the line of a place, dragging puts the start there. */
export function holdPlane(canvas, app, shown) {
  const params = (event) => {
    const { window: view, at } = shown();
    const scale = planeScale(framedBox(canvas), view);
    const [x, y] = atPointer(canvas, event);
    const found = at.slice();
    found[view.axes[0]] = scale.fromX(x);
    found[view.axes[1]] = scale.fromY(y);
    return found;
  };
  let held = false;
  let tapped = null;
  const put = (event) => {
    const { axes } = shown().window;
    const start = app.state.start.slice();
    for (const k of axes) start[k] = rounded(params(event)[k]);
    app.change({ start, step: 0 });
  };
  const isAtStart = (place) => {
    const { window: view, run } = shown();
    const scale = planeScale(framedBox(canvas), view);
    const [i, j] = view.axes;
    const [x, y] = atPointer(canvas, place);
    return Math.hypot(scale.x(run.path[0][i]) - x, scale.y(run.path[0][j]) - y) < 30;
  };
  scrollsBut(canvas, isAtStart);
  canvas.addEventListener("pointerdown", (event) => {
    // A finger that is not on the start may be about to scroll: only its tap puts the start there.
    tapped = event.pointerType === "touch" && !isAtStart(event) ? [event.clientX, event.clientY] : null;
    if (tapped) return;
    held = true;
    app.frozen = true;
    canvas.setPointerCapture(event.pointerId);
    app.hover = null;
    put(event);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (tapped && Math.hypot(event.clientX - tapped[0], event.clientY - tapped[1]) < 10) put(event);
    tapped = null;
  });
  canvas.addEventListener("pointermove", (event) => {
    if (held) return put(event);
    if (event.pointerType === "touch") return;
    app.hover = params(event);
    app.drawHover();
  });
  const loose = () => {
    if (!held) return;
    held = false;
    app.frozen = false;
    app.change({});
  };
  canvas.addEventListener("pointerup", loose);
  canvas.addEventListener("pointercancel", () => {
    tapped = null;
    loose();
  });
  canvas.addEventListener("pointerleave", () => {
    app.hover = null;
    app.drawHover();
  });
  canvas.addEventListener("keydown", (event) => {
    const { axes, half } = shown().window;
    const step = half * (event.shiftKey ? 0.2 : 0.04);
    const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[event.key];
    if (by) {
      const start = app.state.start.slice();
      axes.forEach((k, i) => (start[k] = rounded(start[k] + by[i])));
      app.change({ start, step: 0 });
      app.say(`Start at w1 ${start[0]}, w2 ${start[1]}, b ${start[2]}.`);
    } else if (event.key === "+" || event.key === "=") app.zoom(1 / 1.5);
    else if (event.key === "-") app.zoom(1.5);
    else if (event.key === "0") app.change({ half: 0 });
    else return;
    event.preventDefault();
  });
}

function framedBox(canvas) {
  return { left: 40, top: 8, right: canvas.clientWidth - 8, bottom: canvas.clientHeight - 34 };
}

/** The data: drag a point, double-click to add one; the same with keys. */
export function holdData(canvas, app, scale) {
  let held = null;
  const nearest = (event) => {
    const [x, y] = atPointer(canvas, event);
    const far = app.points().map((p) => Math.hypot(scale().x(p[0]) - x, scale().y(p[1]) - y));
    const best = far.indexOf(Math.min(...far));
    return far[best] < (event.pointerType === "mouse" ? 14 : 26) ? best : null;
  };
  scrollsBut(canvas, (touch) => nearest(touch) !== null);
  const place = (event) => {
    const [x, y] = atPointer(canvas, event);
    return [rounded(scale().fromX(x)), rounded(scale().fromY(y))];
  };
  canvas.addEventListener("pointerdown", (event) => {
    held = nearest(event);
    if (held === null) return;
    app.choose(held);
    app.freeze(scale());
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    canvas.style.cursor = held !== null || nearest(event) !== null ? "grab" : "default";
    if (held !== null) movePoint(app, held, place(event));
  });
  const loose = () => {
    held = null;
    app.freeze(null);
  };
  canvas.addEventListener("pointerup", loose);
  canvas.addEventListener("pointercancel", loose);
  canvas.addEventListener("dblclick", (event) => {
    if (nearest(event) === null) addPoint(app, event.shiftKey ? -1 : 1, place(event));
  });
  canvas.addEventListener("keydown", (event) => {
    const n = app.points().length;
    const chosen = app.chosen ?? 0;
    const step = event.shiftKey ? 0.5 : 0.1;
    const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[event.key];
    if (by) {
      const [x, y] = app.points()[chosen];
      app.choose(chosen);
      movePoint(app, chosen, [rounded(x + by[0]), rounded(y + by[1])]);
    } else if (event.key === "]") app.choose((chosen + 1) % n);
    else if (event.key === "[") app.choose((chosen + n - 1) % n);
    else if (event.key === "f" || event.key === "F") flipPoint(app);
    else if (event.key === "," || event.key === ".") soften(app, probabilityOf(app.points()[chosen][2]) + (event.key === "." ? 0.1 : -0.1));
    else if (event.key === "a" || event.key === "A") addPoint(app, event.shiftKey ? -1 : 1);
    else if (event.key === "Delete" || event.key === "Backspace") removePoint(app);
    else return;
    event.preventDefault();
  });
}

const copied = (app) => app.points().map((p) => p.slice());

export function movePoint(app, which, [x, y]) {
  const points = copied(app);
  points[which] = [x, y, points[which][2]];
  app.change({ points });
}

export function flipPoint(app) {
  if (app.chosen === null) return app.say("Choose a point first: click it, or press ] in the data.");
  const points = copied(app);
  points[app.chosen][2] *= -1;
  app.change({ points });
  app.say(`The chosen point is ${points[app.chosen][2] >= 0 ? "positive" : "negative"} now.`);
}

/** Give the chosen point a probability of being positive: a soft label between 0 and 1. */
export function soften(app, probability) {
  if (app.chosen === null) return app.say("Choose a point first: click it, or press ] in the data.");
  const points = copied(app);
  const p = Number(Math.min(Math.max(probability, 0), 1).toFixed(2));
  points[app.chosen][2] = 2 * p - 1;
  app.change({ points });
  app.say(`The chosen point is positive with probability ${p}.`);
}

export function addPoint(app, label, place = null) {
  const points = copied(app);
  if (points.length >= MOST) return app.say(`The page holds at most ${MOST} points.`);
  points.push([...(place ?? [0, 0]), label]);
  app.change({ points });
  app.choose(points.length - 1);
}

export function removePoint(app) {
  const points = copied(app);
  if (app.chosen === null) return app.say("Choose a point first: click it, or press ] in the data.");
  if (points.length <= 1) return app.say("One point must stay.");
  points.splice(app.chosen, 1);
  app.chosen = null;
  app.change({ points });
}
