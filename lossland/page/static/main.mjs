// The page itself: one state, two panels, a run that plays, a tour, and what may be taken away.
import { fill, read, show } from "./controls.mjs";
import { hold } from "./glossary.mjs";
import { guideOf } from "./guide.mjs";
import { addPoint, flipPoint, holdData, holdPlane, removePoint, soften } from "./hands.mjs";
import { modelOf } from "./model.mjs";
import { panelOf } from "./panel.mjs";
import { probabilityOf } from "./objective.mjs";
import { palette } from "./paint.mjs";
import { pythonLines } from "./python_lines.mjs";
import { saved } from "./picture.mjs";
import { PRESETS } from "./presets.mjs";
import { ask } from "./question.mjs";
import { decoded, encoded, START } from "./state.mjs";
import { slopeAt, unpacked, valueAt } from "./tables.mjs";

const $ = (id) => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const dark = matchMedia("(prefers-color-scheme: dark)");

async function started() {
  const [content, tables] = await Promise.all(["content", "tables"].map((id) => unpacked($(id).textContent)));
  const model = modelOf(JSON.parse(new TextDecoder().decode(content)), tables);
  const app = appOf(model);
  const { value, near, slope } = model.content.tolerance;
  $("tolerance").textContent =
    `Losses come from ${model.entries.size} tables that JAX made; between their nodes this page interpolates. Values are right to ` +
    `${value} and slopes to ${slope} of 1 + their size for scores up to ${near}.`;
  fill(model);
  hold($("glossary"));
  const narrow = matchMedia("(max-width: 860px)");
  narrow.addEventListener("change", () => arrange(narrow.matches));
  arrange(narrow.matches);
  app.colours = palette();
  app.drawQuestion = ask(app, $("question"));
  const guide = guideOf(app, { still, play: () => play(app), sweep: () => sweep(app, model), stop: () => stop(app) });
  wire(app, model, guide);
  app.change({});
  // A link leads to what it shows.
  if (location.hash.length > 1 && !app.state.tour) $("workbench").scrollIntoView();
  if (app.state.tour) guide.tell(app.state.tour);
  return app;
}

/** On a narrow screen the first pair's pictures come first and the settings after them, closed. */
function arrange(narrow) {
  if (narrow) $("first").after($("controls"));
  else $("stage").before($("controls"));
  for (const group of document.querySelectorAll(".group")) group.open = !narrow;
}

function appOf(model) {
  const panels = ["first", "second"].map((id, slot) => panelOf($(id), slot));
  const app = {
    state: model.sound(decoded(location.hash.slice(1))),
    panels,
    chosen: null,
    hover: null,
    frozen: false,
    veiled: false,
    window: null,
    half: 4,
    playing: null,
    pending: false,
    curves: model.curvesFor,
    value: valueAt,
    slope: slopeAt,
    points: () => model.pointsOf(app.state),
    say: (text) => ($("said").textContent = text),
  };
  app.change = (patch) => {
    app.state = model.sound({ ...app.state, ...patch });
    if (app.chosen !== null && app.chosen >= app.points().length) app.chosen = null;
    if (!app.pending) {
      app.pending = true;
      requestAnimationFrame(() => app.redraw());
    }
    remember(app);
  };
  app.choose = (which) => {
    app.chosen = which;
    const [x, y, label] = app.points()[which];
    const p = probabilityOf(label);
    app.say(`Point ${which + 1} of ${app.points().length}: ${p === 1 ? "positive" : p === 0 ? "negative" : `positive with probability ${Number(p.toFixed(2))}`} at ${x}, ${y}.`);
    app.change({});
  };
  app.zoom = (factor) => app.change({ half: Number((app.half * factor).toPrecision(3)) });
  app.freeze = (scale) => {
    app.window = scale && { xs: scale.xs, ys: scale.ys };
    app.change({});
  };
  app.drawHover = () => panels.forEach((panel) => panel.drawData(app));
  /** Draw everything now; returns how long it took in milliseconds. */
  app.redraw = () => {
    const before = performance.now();
    app.pending = false;
    app.colours ??= palette();
    const { state } = app;
    if (app.questionAt !== document.querySelector("main").clientWidth + String(dark.matches)) {
      app.questionAt = document.querySelector("main").clientWidth + String(dark.matches);
      app.drawQuestion();
    }
    const names = [state.pair, state.second].filter(Boolean);
    const runs = names.map((name, slot) => model.runOf(state, slot, name));
    // A point that is being dragged is answered at once, and searched for longer when it is let go.
    const quick = app.window !== null;
    if (!app.frozen) app.half = state.half || model.fitted(state, runs, quick);
    const shown = names.map((name, slot) => model.shownOf(state, slot, name, app.half, quick));
    show(model, app, state, shown[0].optima.find((best) => best.found));
    panels[1].section.hidden = names.length < 2;
    shown.forEach((each, slot) => panels[slot].draw(app, each));
    return performance.now() - before;
  };
  return app;
}

/** Keep the address in step, but not at every frame of a run or a drag. */
function remember(app) {
  clearTimeout(app.remembering);
  app.remembering = setTimeout(() => {
    if (app.playing === null) history.replaceState(null, "", `#${encoded(app.state)}`);
  }, 250);
}

function wire(app, model, guide) {
  const form = $("controls");
  form.addEventListener("input", (event) => {
    stop(app);
    if (event.target.name === "soft") soften(app, event.target.valueAsNumber);
    else app.change(read(model, app.state, event.target.name));
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const panel of app.panels) {
    holdPlane(panel.plane, app, () => panel.shown);
    holdData(panel.data, app, () => panel.scale);
  }
  const click = (id, act) => $(id).addEventListener("click", act);
  click("add-positive", () => addPoint(app, 1));
  click("add-negative", () => addPoint(app, -1));
  click("flip", () => flipPoint(app));
  click("remove", () => removePoint(app));
  click("reset-data", () => app.change({ points: null }));
  click("zoom-in", () => app.zoom(1 / 1.5));
  click("zoom-out", () => app.zoom(1.5));
  click("zoom-fit", () => app.change({ half: 0 }));
  click("play-floor", () => (app.playing === null ? sweep(app, model) : stop(app)));
  click("play", () => (app.playing === null ? play(app) : stop(app)));
  click("one-step", () => (stop(app), app.change({ step: app.state.step + 1 })));
  click("restart", () => (stop(app), app.change({ step: 0 })));
  $("step").addEventListener("input", (event) => (stop(app), app.change({ step: event.target.valueAsNumber })));
  for (const [name, { see, set }] of Object.entries(PRESETS)) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", () => {
      guide.tell(0, false);
      app.change({ ...structuredClone(START), ...set });
      app.say(see);
      play(app);
    });
    $("presets").append(button);
  }
  click("to-settings", () => {
    const group = document.querySelector(".group");
    group.open = true;
    group.scrollIntoView({ behavior: still.matches ? "auto" : "smooth" });
    group.querySelector("summary").focus({ preventScroll: true });
  });
  click("open-workbench", () => {
    $("workbench").scrollIntoView({ behavior: still.matches ? "auto" : "smooth" });
    $("workbench").focus({ preventScroll: true });
  });
  click("copy-link", () => copy(app, `${location.href.split("#")[0]}#${encoded(app.state)}`, "The link is copied."));
  click("copy-python", () => copy(app, app.python(), "The Python lines are copied."));
  click("save-picture", async () => app.say(await saved(app)));
  app.python = () => pythonLines(app.state, model.entries.get(app.state.pair), app.panels[0].shown, model.content.files);
  addEventListener("hashchange", () => {
    if (location.hash.slice(1) === encoded(app.state)) return;
    stop(app);
    app.change(decoded(location.hash.slice(1)));
    guide.tell(app.state.tour, false);
  });
  new ResizeObserver(() => app.change({})).observe(document.querySelector("main"));
  dark.addEventListener("change", () => {
    app.colours = palette();
    app.change({});
  });
}

function play(app) {
  if (app.state.step >= app.state.steps) app.change({ step: 0 });
  // Without motion the end is shown at once.
  if (still.matches) return app.change({ step: app.state.steps });
  $("play").textContent = "Pause";
  const by = Math.max(1, app.state.steps / 200);
  let last = performance.now();
  const tick = (now) => {
    if (now - last > 33) {
      last = now;
      app.change({ step: Math.floor(app.state.step + by) });
      if (app.state.step >= app.state.steps) return stop(app);
    }
    app.playing = requestAnimationFrame(tick);
  };
  app.playing = requestAnimationFrame(tick);
}

/** Let the floor c of max(z, -c) run from 0 to 4. */
function sweep(app, model) {
  stop(app);
  const floors = Array.from({ length: 17 }, (_, k) => k / 4);
  if (still.matches) return app.change({ pair: model.withFloor(floors.at(-1)) });
  const first = performance.now();
  const tick = (now) => {
    const k = Math.min(Math.floor(Math.max(0, now - first) / 200), floors.length - 1);
    if (model.floor(app.state.pair) !== floors[k]) app.change({ pair: model.withFloor(floors[k]) });
    if (k === floors.length - 1) return stop(app);
    app.playing = requestAnimationFrame(tick);
  };
  app.playing = requestAnimationFrame(tick);
}

function stop(app) {
  if (app.playing === null) return;
  cancelAnimationFrame(app.playing);
  app.playing = null;
  $("play").textContent = "Play";
  remember(app);
}

async function copy(app, text, done) {
  try {
    await navigator.clipboard.writeText(text);
    app.say(done);
  } catch {
    // A page from disk may not have the clipboard: show the text to be copied by hand.
    prompt("Copy this text:", text);
  }
}

/** For scripts and tests: the page when it is ready. */
window.lossland = started();
