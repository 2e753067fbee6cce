// The tour's card: it stands in the page above the view that it speaks of, so it never covers it.
import { worded } from "./glossary.mjs";
import { TOUR } from "./tour.mjs";

const $ = (id) => document.getElementById(id);
const USUAL = { axes: "w1,w2", view: "contours", half: 0, steps: 200, points: null };

/** The tour, given the page, what plays a run and what plays the floor c. */
export function guideOf(app, { play, sweep, stop, still }) {
  const narrow = matchMedia("(max-width: 860px)");
  const home = document.createComment("the tour");
  $("tour").before(home);

  const place = (look) => {
    const figure = app.panels[0][look].closest("figure");
    // Above all three views, or where they stand below each other above the one.
    (narrow.matches ? figure : figure.parentElement.firstElementChild).before($("tour"));
    figure.classList.add("pointed");
  };

  const buttons = (step, asks) => {
    $("tour-guess").hidden = !asks;
    $("tour-guess").replaceChildren(...(asks ? step.guess : []).map((text, k) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = text;
      button.addEventListener("click", () => show(step, k));
      return button;
    }));
    $("tour-show").hidden = !asks;
    $("tour-next").hidden = asks;
    $("tour-more").hidden = asks || !step.more;
    if (step.more) $("tour-more").textContent = step.more.label;
  };

  /** Say whether the guess was right, and let it run. */
  const show = (step, guess = null) => {
    const said = guess === null ? "" : guess === step.right ? "Right. " : "Not quite. ";
    $("tour-answer").replaceChildren(...worded(said + step.shown));
    buttons(step, false);
    app.veiled = false;
    app.change(step.reveal ?? {});
    (step.sweep ? sweep : play)();
    (step.more ? $("tour-more") : $("tour-next")).focus({ preventScroll: true });
  };

  /** Go to a step, 0 to end; `set` is false where a link has set the controls already. */
  const tell = (number, set = true) => {
    stop();
    for (const each of document.querySelectorAll(".pointed")) each.classList.remove("pointed");
    const step = TOUR[number - 1];
    $("tour").hidden = !step;
    document.body.classList.toggle("touring", Boolean(step));
    app.veiled = Boolean(step?.guess);
    if (!step) {
      home.after($("tour"));
      app.change({ tour: 0 });
      if (set) $("tour-start").focus();
      return;
    }
    app.change({ ...(set ? { ...USUAL, ...step.set } : {}), tour: number });
    $("tour-title").textContent = step.title;
    $("tour-text").replaceChildren(...worded(step.text));
    $("tour-answer").replaceChildren();
    buttons(step, Boolean(step.guess));
    $("tour-back").hidden = number === 1;
    $("tour-next").textContent = number === TOUR.length ? "Finish" : "Next";
    place(step.look);
    // The views have their sizes before the page scrolls to them.
    app.redraw();
    $("tour").scrollIntoView({ block: "start", behavior: still.matches ? "auto" : "smooth" });
    $("tour-title").focus({ preventScroll: true });
    if (set && !step.guess) play();
  };

  const here = () => TOUR[app.state.tour - 1];
  const click = (id, act) => $(id).addEventListener("click", act);
  click("tour-start", () => tell(1));
  click("tour-back", () => tell(app.state.tour - 1));
  click("tour-next", () => tell((app.state.tour + 1) % (TOUR.length + 1)));
  click("tour-show", () => show(here()));
  click("tour-end", () => tell(0));
  click("tour-more", () => {
    stop();
    app.change(here().more.set);
    play();
  });
  $("tour").addEventListener("keydown", (event) => event.key === "Escape" && tell(0));
  narrow.addEventListener("change", () => here() && place(here().look));
  return { tell };
}
