"""The page in a browser, driven as a person would: its values against JAX, its parts, what it asks the network for."""

import gzip
import io
import json
import os
import re
import shutil
import subprocess
from base64 import b64decode
from importlib import resources
from pathlib import Path

import jax
import numpy as np
import pytest

import lossland as ll
from lossland.elements import load_file
from lossland.page import NEAR, SLOPE_TOLERANCE, TOLERANCE, cloud
from lossland.page._assembly import script

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
USERS = '''
import jax.numpy as jnp
import lossland as ll


@ll.margin_loss
def twice_the_hinge(margin):
    """The hinge, doubled."""
    return 2 * jnp.maximum(0, 1 - margin)
'''
SPREAD = 31
"""Every so manieth pair is on the page that the browser tests share: 20 of all, of every kind."""


def few():
    # What other tests register must not decide which pairs are looked at here.
    ours = [p for p in ll.pairs() if all(e.function.__module__.startswith("lossland.") for e in (p.activation, p.loss))]
    return [pair.name for pair in ours[::SPREAD]]


def test_modules_are_joined_without_imports():
    text = script()
    assert not re.search(r"^(import|export) ", text, re.MULTILINE)
    names = re.findall(r"^const \{ (.*?) \} = \(\(\) => \{", text, re.MULTILINE)
    assert len(names) > 10
    every = [name for line in names for name in line.split(", ") if name.strip()]
    assert len(every) == len(set(every))


def test_no_module_writes_html_so_that_every_name_is_shown_as_text():
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|DOMParser|eval\(", script())


# --------------------------------------------------------------------------------------------------- the page, in whole


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """A page of 20 pairs of all kinds and a user's, written once."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "users.py").write_text(USERS)
    from lossland.elements import LOSSES

    pairs = [*few(), "identity+twice_the_hinge"]
    load_file(str(folder / "users.py"))
    made = ll.write_page(folder / "page.html", pairs, files=[str(folder / "users.py")])
    LOSSES.pop("twice_the_hinge")
    return made


@pytest.fixture(scope="module")
def browser():
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt install chromium")
    with sync.sync_playwright() as playwright:
        # Root, as in a container, has no sandbox.
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


class Tab:
    """A page that is open: what it asked the network for, what it complained about, and its own functions."""

    def __init__(self, browser, file, address="", **settings):
        self.context = browser.new_context(**({"reduced_motion": "reduce"} | settings))
        self.page = self.context.new_page()
        self.complaints, self.requests = [], []
        # Besides errors Chromium gives advice on speed where plotly.js reads its drawing back.
        self.page.on("console", lambda m: m.type == "error" and self.complaints.append(m.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(f"{file.as_uri()}{address}")
        self.ask("app.redraw()")

    def ask(self, expression):
        """What an expression of `app` is once everything is drawn."""
        return self.page.evaluate(
            f"lossland.then(async (app) => {{ const seen = await ({expression}); "
            f"if (app.pending) app.redraw(); return seen; }})"
        )

    def state(self):
        self.ask("app.redraw()")
        return self.ask("app.state")

    def shown(self, panel=0):
        """What a panel shows, as Python has it."""
        self.ask("app.redraw()")
        return self.ask(
            f"((s) => ({{name: s.name, at: s.at, points: s.points, path: s.run.path, values: s.run.values, "
            f"step: s.step, optima: s.optima, surface: [...s.surface.values], plateaus: [...s.plateaus], "
            f"value: s.seen.value, gradient: s.seen.gradient}}))(app.panels[{panel}].shown)"
        )

    def pixels(self, which="plane"):
        return self.page.evaluate(f"document.querySelector('#first canvas.{which}').toDataURL()")


@pytest.fixture
def tab(browser, page_file):
    opened = Tab(browser, page_file, viewport={"width": 1300, "height": 900})
    yield opened
    opened.context.close()
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith(("data:", "blob:"))] == [page_file.as_uri()]


@pytest.mark.slow
def test_the_page_is_one_small_file(page_file):
    text = page_file.read_text()
    assert len(text) < 3.5e6
    assert "{{" not in re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    # No address that a browser would follow.
    assert not re.findall(r"<(?:link|script|img)[^>]+(?:src|href)=\"(?!data:)", text)


@pytest.mark.slow
def test_values_and_slopes_are_those_of_jax(tab, page_file):
    """At random scores, the pairs of the shared page."""
    rng = np.random.default_rng(5)
    scores = np.concatenate([rng.normal(0, 3, 60), rng.uniform(-NEAR, NEAR, 40)])
    worst = 0.0
    for name in few():
        pair = ll.pair(name)
        seen = tab.ask(
            f"((c, zs) => ['positive', 'negative'].map(s => zs.map(z => [app.value(c[s], z), app.slope(c[s], z)])))"
            f"(app.curves({json.dumps(name)}), {scores.tolist()})"
        )
        with jax.enable_x64(True):
            for side, label in zip(seen, (1.0, -1.0), strict=True):
                ours = np.array(side, float)
                value, slope = (np.asarray(f(scores, label)) for f in (pair, pair.slope))
                there = np.isfinite(value) & (np.abs(value) < 1e38) & np.isfinite(ours[:, 0])
                assert there.mean() > 0.3, name
                off = np.abs(ours[there, 0] - value[there]) / (1 + np.abs(value[there]))
                assert off.max() <= 2 * TOLERANCE, name
                steep = np.abs(ours[there, 1] - slope[there]) / (1 + np.abs(slope[there]))
                assert steep.max() <= 4 * SLOPE_TOLERANCE, name
                worst = max(worst, off.max())
    assert worst > 0


@pytest.mark.slow
def test_objectives_at_random_parameters_are_those_of_jax(tab):
    rng, held = np.random.default_rng(6), ll.load("two_moons(n=120, noise=0.15)")
    # The page shows, and computes with, four decimals.
    moons = ll.Dataset(np.round(held.inputs, 4), held.labels)
    for name in few():
        params = rng.normal(0, 1.5, 3).round(3)
        tab.ask(f"app.change({{pair: {json.dumps(name)}, l2: 0.1, data: 'moons', start: {params.tolist()}}})")
        seen = tab.shown()
        with jax.enable_x64(True):
            f = ll.objective(ll.pair(name), ll.linear(), moons, l2=0.1)
            at = {"weights": params[:2], "bias": params[2]}
            value, gradient = jax.value_and_grad(f)(jax.tree.map(jax.numpy.asarray, at))
        assert seen["value"] == pytest.approx(float(value), rel=2 * TOLERANCE, abs=2 * TOLERANCE), name
        wanted = [*gradient["weights"], gradient["bias"]]
        np.testing.assert_allclose(seen["gradient"], wanted, atol=4 * SLOPE_TOLERANCE * (1 + np.abs(wanted).max()))


@pytest.mark.slow
def test_the_page_opens_on_the_question(tab):
    """Arrows are minus the slopes of JAX; sentences, slider, drag and keyboard tell one story."""
    page = tab.page
    assert page.locator("#question").bounding_box()["y"] < 120
    told = page.locator("#question .happens")
    assert "nothing pulls, it is stuck" in told.inner_text()

    def put(side, z):
        page.locator(f"#question .{side} input").evaluate(
            "(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})); }", str(z)
        )
        return told.inner_text()

    pairs = [ll.pair("identity", "hinge"), ll.pair("relu", "hinge")]
    for side, label in (("positive", 1.0), ("negative", -1.0)):
        for z in (-2.5, -1.5, -0.5, 0.5, 1.5, 2.5):
            said = put(side, z)
            linear, relu = (abs(float(pair.slope(z, label))) > 0 for pair in pairs)
            wrong = (z > 0) != (label > 0)
            assert f"{side} example with the score {z}" in said
            assert ("is wrong" in said) == wrong
            assert ("Both losses pull" in said) == (linear and relu)
            assert ("Neither loss pulls" in said) == (not linear and not relu)
            assert ("it is stuck" in said) == (linear and not relu and wrong)
            assert ("there is no margin" in said) == (linear and not relu and not wrong)
            assert page.locator(f"#question .{side} canvas").get_attribute("aria-label") == said
    box = page.locator("#question .positive canvas").bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.95 * box["width"], box["y"] + 50)
    page.mouse.up()
    assert "Neither loss pulls" in told.inner_text()
    page.locator("#question .negative input").focus()
    before = told.inner_text()
    page.keyboard.press("ArrowRight")
    assert told.inner_text() != before
    page.locator("#open-workbench").click()
    assert page.evaluate("document.activeElement.id") == "workbench"


@pytest.mark.slow
def test_the_answer_is_on_the_first_screen_and_its_words_are_explained(tab):
    """Is it an SVM, why not, what repairs it; and a list of words that opens at the word that was pressed."""
    page = tab.page
    page.locator("#question .answer summary").click()
    answer = page.locator("#question .answer").inner_text()
    for part in ("No. On a linear output", "nothing pulls", "no margin", "leave the output ReLU away", "max(z, -c)"):
        assert part in answer
    word = page.locator("#question .answer button.word", has_text="margin").first
    word.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("#glossary")
    assert dialog.is_visible()
    assert page.evaluate("document.activeElement.textContent") == "margin"
    assert page.locator("#glossary dt.here").count() == 1
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert word.evaluate("e => e === document.activeElement")
    page.locator("#question button", has_text="What do the words mean?").click()
    assert dialog.is_visible()
    page.locator("#glossary button").click()
    assert not dialog.is_visible()


@pytest.mark.slow
def test_no_sentence_for_readers_speaks_of_psi(tab):
    shown = tab.ask(
        "[...document.querySelectorAll('main p, main summary, main label')].map(e => e.textContent).join(' ')"
    )
    assert not re.search(r"\bpsi\b|\btheta\b", shown)
    for name in few():
        tab.ask(f"app.change({{pair: {json.dumps(name)}}})")
        tab.ask("app.redraw()")
        headline = tab.page.locator("#first .verdict").inner_text()
        assert len(headline) > 20
        assert not re.search(r"\bpsi|theta", headline), name


@pytest.mark.slow
def test_the_floor_leads_from_relu_to_the_svm(tab):
    """The lowest place found of max(z, -c) + hinge, hardly below which is any of many others; at c = 4 the SVM."""
    page = tab.page
    data = cloud("gaussians")
    rng = np.random.default_rng(8)
    starts = rng.normal(0, 1.5, (4000, 3))
    sol = ll.solve("hinge", data, l2=[0.01])
    svm = np.array([*sol.weights[0], sol.bias[0]])
    away = []
    for c in (0, 0.5, 1, 4):
        page.locator("[name=floor]").evaluate(
            "(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})); }", str(c)
        )
        name = f"shifted_relu(c={c:g})+hinge" if c else "relu+hinge"
        assert tab.state()["pair"] == name
        found = np.array(tab.shown()["optima"][-1]["params"])
        assert tab.shown()["optima"][-1]["shape"] == "triangle"

        near = np.concatenate([found[None], starts, found + rng.normal(0, 0.05, (4000, 3)), svm[None]])
        scores = data.inputs @ near[:, :2].T + near[:, 2]
        with jax.enable_x64(True):
            cost = ll.pair(name)(scores, np.broadcast_to(data.labels[:, None], scores.shape))
        values = np.asarray(cost).mean(axis=0) + 0.005 * (near[:, :2] ** 2).sum(axis=1)
        assert values[0] <= values.min() + 1e-5
        away.append(np.linalg.norm(found - svm))
    assert away[0] > away[1] > 0.01
    assert away[-1] < 1e-3
    assert "the SVM's" in page.locator("#floor-told").inner_text()
    page.select_option("select[name=activation]", "identity")
    assert tab.state()["pair"] == "identity+hinge"
    page.select_option("select[name=activation]", "max(z, -c)")
    assert tab.state()["pair"] == "shifted_relu(c=1)+hinge" or tab.state()["pair"] == "shifted_relu+hinge"
    page.locator("#play-floor").click()
    assert tab.state()["pair"] == "shifted_relu(c=4)+hinge"


@pytest.mark.slow
def test_soft_labels_by_slider_and_by_keys_have_the_optima_of_solve(tab):
    page = tab.page
    assert page.locator("[name=soft]").is_disabled()
    assert "choose a point" in page.locator("#soft-told").inner_text()
    page.locator("#first canvas.data").focus()
    page.keyboard.press("]")
    page.locator("[name=soft]").evaluate(
        "e => { e.value = 0.3; e.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    tab.ask("app.redraw()")
    page.locator("#first canvas.data").focus()
    page.keyboard.press(".")
    tab.ask("app.redraw()")
    points = np.array(tab.state()["points"])
    assert points[1, 2] == pytest.approx(2 * 0.4 - 1)
    assert "1 with a soft label" in page.locator("#first canvas.data").get_attribute("aria-label")
    data = ll.Dataset(points[:, :2], probabilities=(1 + points[:, 2]) / 2)
    for best, loss in zip(tab.shown()["optima"][:2], ("hinge", "logistic"), strict=True):
        sol = ll.solve(loss, data, l2=[0.01])
        np.testing.assert_allclose(best["params"], [*sol.weights[0], sol.bias[0]], atol=1e-4)
    seen = tab.shown()
    with jax.enable_x64(True):
        f = ll.objective(ll.pair(seen["name"]), ll.linear(), data, l2=0.01)
        value = f({"weights": np.array(seen["at"][:2]), "bias": np.array(seen["at"][2])})
    assert seen["value"] == pytest.approx(float(value), rel=2 * TOLERANCE)
    assert "probabilities=[" in tab.ask("app.python()")


@pytest.mark.slow
def test_a_greyed_loss_says_why(tab):
    page = tab.page
    page.select_option("select[name=activation]", "relu")
    told = page.locator("select[name=loss] option[disabled]").all_inner_texts()
    assert told
    assert all(": " in text for text in told)
    assert any("outputs in [0, inf)" in text or "not among the pairs" in text for text in told)
    assert f"{len(told)} greyed" in page.locator("#why").inner_text()


@pytest.mark.slow
def test_both_runs_are_on_one_landscape(tab):
    tab.ask("app.change({pair: 'relu+hinge', second: '', step: 200})")
    tab.ask("app.redraw()")
    alone = tab.pixels()
    tab.ask("app.change({second: 'identity+hinge'})")
    tab.ask("app.redraw()")
    assert tab.pixels() != alone
    assert "run of identity+hinge" in tab.page.locator("#first .marks").inner_text()
    assert "run of relu+hinge" in tab.page.locator("#second .marks").inner_text()
    assert tab.ask("app.panels[0].shown.beside.path") == tab.shown(1)["path"]


def test_colours_are_those_of_the_figures():
    from lossland.figures import NEGATIVE, POSITIVE, VIOLET, colour

    light = (resources.files("lossland.page") / "static" / "style.css").read_text().partition("@media")[0]
    held = dict(re.findall(r"--(\w+): (#\w{6})", light))
    wanted = {
        "positive": POSITIVE,
        "negative": NEGATIVE,
        "svm": colour("identity+hinge"),
        "path": colour("relu+hinge"),
        "sigmoid": colour("sigmoid+cross_entropy"),
        "logistic": colour("identity+logistic"),
        "other": VIOLET,
    }
    assert {name: held[name] for name in wanted} == wanted


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault(browser, page_file, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
    for address, size in (("", (1280, 800)), ("#tour=3", (390, 844)), ("#second=identity%2Bhinge", (1280, 800))):
        seen = Tab(browser, page_file, address, viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
        for details in seen.page.locator("details:not([open]) > summary").all():
            if details.is_visible():
                details.click()
        found = axe.Axe().run(seen.page).response["violations"]
        seen.page.locator("button.word").first.click()
        found += axe.Axe().run(seen.page).response["violations"]
        seen.context.close()
        told = [(each["id"], each["impact"], [node["html"][:150] for node in each["nodes"]]) for each in found]
        assert told == [], address


@pytest.mark.slow
def test_what_is_read_aloud_is_what_is_seen(tab):
    """The accessibility tree has the question, what happens, the answer of a step, and each view's description."""
    page = tab.page
    happens = page.locator("#question .happens").inner_text()
    tree = page.locator("main").aria_snapshot()
    assert happens in tree
    for text in ("Is a ReLU output with the hinge loss an SVM?", "Take the tour", "Class curves of relu+hinge"):
        assert text in tree
    assert "Data of relu+hinge: 120 examples" in tree
    page.locator("#tour-start").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "tour-title"
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.parentElement.id") != "tour-guess":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert "SVM" in page.locator("#tour-answer").inner_text()
    assert page.evaluate("document.activeElement.id") == "tour-next"
    tree = re.sub(r"\s+", " ", page.locator("#tour").aria_snapshot())
    assert "- status: - text: Right. At the star. That is the - button" in tree.replace('"', "")
    page.keyboard.press("Escape")
    assert page.locator("#tour").is_hidden()
    assert page.evaluate("document.activeElement.id") == "tour-start"


@pytest.mark.slow
def test_fingers_scroll_except_on_what_can_be_dragged(browser, page_file):
    phone = Tab(browser, page_file, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = phone.page

    def prevented(which, x, y):
        return page.evaluate(
            """([which, x, y]) => {
              const canvas = document.querySelector(`#first canvas.${which}`);
              const box = canvas.getBoundingClientRect();
              const touch = new Touch({identifier: 1, target: canvas, clientX: box.left + x, clientY: box.top + y});
              return !canvas.dispatchEvent(new TouchEvent("touchstart", {cancelable: true, touches: [touch]}));
            }""",
            [which, x, y],
        )

    point = phone.ask("(([x, y]) => [app.panels[0].scale.x(x), app.panels[0].scale.y(y)])(app.points()[0])")
    assert prevented("data", *point)
    assert not prevented("data", 44, 12)
    assert not prevented("plane", 44, 12)
    page.locator("#first canvas.plane").scroll_into_view_if_needed()
    before = phone.state()["start"]
    box = page.locator("#first canvas.plane").bounding_box()
    page.touchscreen.tap(box["x"] + 0.7 * box["width"], box["y"] + 0.3 * box["height"])
    assert phone.state()["start"] != before
    # The picture comes before the settings, which are closed.
    assert page.locator("#first").bounding_box()["y"] < page.locator("#controls").bounding_box()["y"]
    assert page.locator("details.group[open]").count() == 0
    page.locator("#to-settings").click()
    assert page.locator("select[name=activation]").is_visible()
    assert phone.complaints == []
    phone.context.close()


@pytest.mark.slow
def test_each_preset_shows_what_its_sentence_says(tab):
    page = tab.page
    names = page.locator("#presets button").all_inner_texts()
    assert len(names) == 5
    for name in names:
        page.locator("#presets button", has_text=name).click()
        state = tab.state()
        assert state["step"] == state["steps"]
        assert state["pair"] == "relu+hinge"
        assert len(page.locator("#said").inner_text()) > 30
        shown = tab.shown()
        moved = np.abs(np.subtract(shown["at"], shown["path"][0])).max()
        assert (moved == 0) == (name in ("a dead start", "tie 0 against 1/2")), name


@pytest.mark.slow
def test_a_user_s_loss_is_there_by_itself(tab):
    assert "twice_the_hinge" in tab.page.locator("select[name=loss]").inner_text()
    tab.page.select_option("select[name=activation]", "identity")
    tab.page.select_option("select[name=loss]", "twice_the_hinge")
    assert tab.state()["pair"] == "identity+twice_the_hinge"
    assert "hinge" in tab.page.locator("#first .verdict").inner_text()
    assert "load_file(" in tab.ask("app.python()")


@pytest.mark.slow
def test_sentences_of_a_card_say_how_sure_they_are(tab):
    tab.ask("app.change({pair: 'relu+hinge'})")
    tab.ask("app.redraw()")
    tab.page.locator("#first .card summary").click()
    for place in ("#first .verdict", "#first .card ul"):
        told = set(tab.page.locator(f"{place} .mark").all_inner_texts())
        assert told <= {"✓ proven", "✗ refuted", "~ measured"}
        assert "✗ refuted" in told
    assert "✗ refuted Not convex for positives" in tab.page.locator("#first .verdict").inner_text()


@pytest.mark.slow
def test_every_control_changes_what_it_should(tab):
    page = tab.page
    first = tab.pixels()

    def changed(name, value, key=None, wanted=None):
        before = tab.pixels()
        element = page.locator(f"[name={name}]")
        if element.evaluate("e => e.tagName") == "SELECT":
            element.select_option(value)
        else:
            element.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})); }", value)
        assert tab.state()[key or name] == (value if wanted is None else wanted)
        return tab.pixels() != before

    assert changed("activation", "identity", "pair", "identity+hinge")
    assert changed("loss", "logistic", "pair", "identity+logistic")
    assert changed("data", "xor")
    assert changed("l2", "0.1", wanted=0.1)
    assert changed("optimiser", "momentum")
    assert changed("optimiser", "adam")
    assert changed("rate", "-1", wanted=0.1)
    assert changed("steps", "50", wanted=50)
    assert changed("start2", "1.25", "start", [-1.5, 1.5, 1.25])
    assert changed("axes", "w1,b")
    assert not changed("tie", "0.5", wanted=0.5)
    assert tab.pixels() != first
    page.check("[name=compare]")
    tab.state()
    assert page.locator("#second").is_visible()
    page.locator("#zoom-in").click()
    zoomed = tab.state()["half"]
    page.locator("#zoom-out").click()
    assert tab.state()["half"] > zoomed > 0
    page.locator("#zoom-fit").click()
    assert tab.state()["half"] == 0


@pytest.mark.slow
def test_the_tie_decides_whether_a_run_from_zero_moves(tab):
    tab.ask("app.change({pair: 'relu+hinge', start: [0, 0, 0], tie: 0, step: 200})")
    assert tab.shown()["at"] == [0, 0, 0]
    tab.page.locator("[name=tie]").evaluate(
        "e => { e.value = 0.5; e.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    assert max(map(abs, tab.shown()["at"])) > 0.1


@pytest.mark.slow
def test_play_step_and_restart(browser, page_file):
    moving = Tab(browser, page_file, reduced_motion="no-preference")
    page = moving.page
    page.locator("#one-step").click()
    assert moving.state()["step"] == 1
    page.locator("#play").click()
    page.wait_for_function("lossland.then(app => app.state.step > 3)")
    page.locator("#play").click()
    paused = moving.state()["step"]
    page.wait_for_timeout(200)
    assert moving.state()["step"] == paused
    page.locator("#restart").click()
    assert moving.state()["step"] == 0
    page.locator("#play-floor").click()
    seen = set()
    while (pair := moving.state()["pair"]) != "shifted_relu(c=4)+hinge":
        seen.add(pair)
    assert len(seen) > 3
    moving.context.close()
    calm = Tab(browser, page_file)
    calm.page.locator("#play").click()
    assert calm.state()["step"] == 200
    calm.context.close()


@pytest.mark.slow
def test_a_second_pair_keeps_step_and_equal_pairs_take_equal_paths(tab):
    tab.ask("app.change({pair: 'sigmoid+cross_entropy', second: 'identity+logistic', step: 120, rate: 1})")
    first, second = tab.shown(0), tab.shown(1)
    np.testing.assert_allclose(first["path"], second["path"], atol=1e-4)
    assert first["step"] == second["step"] == 120


@pytest.mark.slow
def test_dragging_in_the_landscape_moves_the_start_and_hovering_the_line(tab):
    tab.page.locator("#first canvas.plane").scroll_into_view_if_needed()
    box = tab.page.locator("#first canvas.plane").bounding_box()
    middle = box["x"] + 0.6 * box["width"], box["y"] + 0.4 * box["height"]
    before = tab.pixels("data")
    tab.page.mouse.move(*middle)
    assert tab.pixels("data") != before
    start = tab.state()["start"]
    tab.page.mouse.down()
    tab.page.mouse.move(middle[0] + 30, middle[1] + 20, steps=3)
    tab.page.mouse.up()
    moved = tab.state()
    assert moved["start"] != start
    assert moved["start"][2] == start[2]
    assert tab.shown()["path"][0] == moved["start"]


@pytest.mark.slow
def test_dragging_a_point_moves_the_optimum_as_solve_says(tab):
    tab.ask("app.change({data: 'gaussians', l2: 0.01})")
    shown = tab.shown()["points"]
    far = max(range(len(shown)), key=lambda i: shown[i][0])
    tab.page.locator("#first canvas.data").scroll_into_view_if_needed()
    box = tab.page.locator("#first canvas.data").bounding_box()
    at = tab.ask(f"[app.panels[0].scale.x({shown[far][0]}), app.panels[0].scale.y({shown[far][1]})]")
    tab.page.mouse.move(box["x"] + at[0], box["y"] + at[1])
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.3 * box["height"], steps=4)
    tab.page.mouse.up()
    points = tab.state()["points"]
    assert points is not None
    assert "approximate" in tab.page.locator("#first .marks").inner_text()
    changed = np.array(points)
    assert (changed != shown).any(axis=1).sum() == 1
    data = ll.Dataset(changed[:, :2], changed[:, 2])
    for best, loss in zip(tab.shown()["optima"][:2], ("hinge", "logistic"), strict=True):
        sol = ll.solve(loss, data, l2=[0.01])
        with jax.enable_x64(True):
            f = ll.objective(ll.pair("identity", loss), ll.linear(), data, l2=0.01)
            least = f({"weights": sol.weights[0], "bias": sol.bias[0]})
            ours = f({"weights": np.array(best["params"][:2]), "bias": np.array(best["params"][2])})
        assert abs(float(ours - least)) <= 1e-8
        np.testing.assert_allclose(best["params"], [*sol.weights[0], sol.bias[0]], atol=1e-4)


@pytest.mark.slow
def test_points_are_added_flipped_and_removed_with_the_keyboard_alone(tab):
    tab.page.locator("#first canvas.data").focus()
    count = len(tab.ask("app.points()"))
    tab.page.keyboard.press("a")
    tab.page.keyboard.press("ArrowRight")
    tab.page.keyboard.press("f")
    points = tab.state()["points"]
    assert points[-1] == [0.1, 0, -1]
    assert len(points) == count + 1
    tab.page.keyboard.press("Delete")
    assert len(tab.state()["points"]) == count
    tab.page.locator("#reset-data").click()
    assert tab.state()["points"] is None
    tab.page.locator("#first canvas.plane").focus()
    start = tab.state()["start"]
    tab.page.keyboard.press("ArrowUp")
    assert tab.state()["start"][1] > start[1]
    # Everything that can be used can be reached and has a name.
    nameless = tab.page.evaluate(
        "[...document.querySelectorAll('button, select, input, #first [tabindex]')].filter(e => !(e.labels?.length || "
        "e.getAttribute('aria-label') || (e.tagName == 'BUTTON' && e.textContent.trim()))).map(e => e.outerHTML)"
    )
    assert nameless == []
    assert "dead" in tab.page.locator("#first canvas.data").get_attribute("aria-label")


@pytest.mark.slow
def test_the_tour_asks_before_it_shows(tab):
    """At each step nothing has moved before the guess; afterwards what is said is what happened."""
    page = tab.page
    page.locator("#tour-start").click()
    titles = []
    for k in range(7):
        titles.append(page.locator("#tour-title").inner_text())
        assert tab.state()["tour"] == k + 1
        assert page.locator(".pointed").count() == 1
        if k < 6:
            assert tab.state()["step"] == 0
            assert page.locator("#tour-answer").inner_text() == ""
            assert "this run" not in page.locator("#first .marks").inner_text()
            assert page.locator("#tour-next").is_hidden()
            page.locator("#tour-guess button").nth(k % 2).click()
            told = page.locator("#tour-answer").inner_text()
            assert told.startswith(("Right. ", "Not quite. "))
        seen = tab.shown()
        at = np.array(seen["at"])
        best = {each["shape"]: each["params"] for each in seen["optima"]}
        if k == 0:
            assert np.linalg.norm(at - best["star"]) < 0.4 < np.linalg.norm(at - best["diamond"])
        if k in (2, 3):  # nothing moves
            assert at.tolist() == seen["path"][0]
        if k == 2:
            assert any(seen["plateaus"])
            scores = np.array(seen["points"])[:, :2] @ at[:2] + at[2]
            assert (scores < 0).all()
        if k == 3:
            page.locator("#tour-more").click()
            assert max(map(abs, tab.shown()["at"])) > 0.1
        if k == 4:  # z = 0 is nearer to the negatives than to the positives
            points = np.array(seen["points"])
            scores = (points[:, :2] @ at[:2] + at[2]) * points[:, 2]
            assert scores[points[:, 2] < 0].min() < scores[points[:, 2] > 0].min() / 2
        if k == 5:
            assert tab.state()["pair"] == "shifted_relu(c=4)+hinge"
            np.testing.assert_allclose(best["triangle"], best["star"], atol=1e-3)
        if k == 6:
            np.testing.assert_allclose(at, tab.shown(1)["at"], atol=1e-4)
        page.locator("#tour-next").click()
    assert len(set(titles)) == 7
    assert page.locator("#tour").is_hidden()


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_the_tour_s_card_and_what_it_speaks_of_are_seen_together(browser, page_file, size):
    seen = Tab(browser, page_file, viewport={"width": size[0], "height": size[1]})
    page = seen.page
    page.locator("#tour-start").click()
    for k in range(7):
        for answered in (False, True) if k < 6 else (False,):
            if answered:
                page.locator("#tour-guess button").first.click()
                seen.ask("app.redraw()")
            card, picture = page.locator("#tour").bounding_box(), page.locator(".pointed canvas").first.bounding_box()
            assert card["y"] >= 0
            assert card["y"] + card["height"] <= picture["y"]
            assert picture["y"] + picture["height"] <= size[1], f"step {k + 1}"
        page.locator("#tour-next").click()
    seen.context.close()


@pytest.mark.slow
def test_a_link_carries_the_state(browser, page_file, tab):
    tab.ask(
        "app.change({pair: 'identity+logistic', second: 'relu+hinge', data: 'moons', l2: 0.1, optimiser: 'adam', "
        "rate: 0.05, start: [1, -2, 0.25], tie: 0.5, axes: 'w2,b', half: 7, step: 33})"
    )
    tab.ask("app.change({points: app.points().map(([x, y, t], i) => i ? [x, y, t] : [0.5, 0.25, -t])})")
    state = tab.state()
    tab.page.wait_for_timeout(400)
    address = tab.page.evaluate("location.hash")
    again = Tab(browser, page_file, address)
    assert again.state() == state
    assert again.pixels("curves") is not None
    again.page.reload()
    assert again.state() == state
    again.context.close()
    broken = Tab(browser, page_file, "#pair=no+such&data=none&l2=7&start=a~b&points=x&half=-3&step=999&axes=z")
    assert broken.state()["pair"] == "relu+hinge"
    assert broken.complaints == []
    broken.context.close()


@pytest.mark.slow
def test_the_python_lines_reproduce_the_run_and_the_landscape(tab, capsys):
    tab.ask(
        "app.change({pair: 'relu+hinge', tie: 0.5, optimiser: 'adam', rate: 0.1, start: [0.5, -1, 0.25], axes: 'w1,b'})"
    )
    shown = tab.shown()
    names = {}
    before = jax.config.read("jax_enable_x64")
    try:
        exec(tab.ask("app.python()"), names)
    finally:
        jax.config.update("jax_enable_x64", before)
    values = shown["values"]
    np.testing.assert_allclose(names["run"].values[np.array([0, -1])], [values[0], values[-1]], rtol=1e-5)
    surface = np.array(shown["surface"]).reshape(61, 61)
    np.testing.assert_allclose(names["plane"].values.T, surface, rtol=1e-5)
    capsys.readouterr()


@pytest.mark.slow
def test_three_dimensions_and_the_picture(tab):
    tab.page.select_option("select[name=view]", "surface")
    tab.page.wait_for_selector("#first .surface .gl-container canvas, #first .surface canvas")
    tab.ask("app.panels[0].drawn")
    # The optima stand as flags on the surface; keys turn it, and it stays so when something else changes.
    flags = tab.ask("document.querySelector('#first .surface').data.filter(t => t.text).map(t => t.text[1])")
    assert flags == ["★", "◆", "▲"]
    eye = "document.querySelector('#first .surface')._fullLayout.scene.camera.eye"
    before = tab.ask(eye)
    tab.page.locator("#first .surface").focus()
    tab.page.keyboard.press("ArrowLeft")
    tab.page.wait_for_function(f"{eye}.x !== {before['x']}")
    turned = tab.ask(eye)
    tab.ask("app.change({step: 50})")
    tab.ask("app.redraw()")
    tab.ask("app.panels[0].drawn")
    assert tab.ask(eye) == turned
    box = tab.page.locator("#first .surface").bounding_box()
    tab.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.6 * box["height"], steps=4)
    tab.page.mouse.up()
    dragged = tab.ask(eye)
    assert dragged != turned
    tab.ask("app.change({step: 60})")
    tab.ask("app.redraw()")
    tab.ask("app.panels[0].drawn")
    assert tab.ask("app.panels[0].held.eye") == dragged == tab.ask(eye)
    with tab.page.expect_download() as download:
        tab.page.locator("#save-picture").click()
    assert Path(download.value.path()).read_bytes()[:4] == b"\x89PNG"


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(browser, page_file, scheme):
    phone = Tab(browser, page_file, viewport={"width": 360, "height": 740}, color_scheme=scheme)
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 360
    ground = phone.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 200) == (scheme == "dark")
    assert phone.complaints == []
    phone.context.close()


SHOTS = {
    "page_question": ("", {"width": 1180, "height": 640}, "light"),
    "page": ("#second=identity%2Bhinge&step=200", {"width": 1280, "height": 900}, "light"),
    "page_tour": ("#tour=3", {"width": 1180, "height": 760}, "dark"),
    "page_phone": ("#data=outliers&pair=sigmoid%2Bcross_entropy&step=200", {"width": 390, "height": 844}, "light"),
}
"""The pictures in README and docs: file, address, window, scheme. LOSSLAND_SHOTS=docs/figures writes them anew."""


@pytest.mark.slow
@pytest.mark.parametrize("name", SHOTS)
def test_screenshots(browser, page_file, name, tmp_path):
    from PIL import Image

    address, window, scheme = SHOTS[name]
    shot = Tab(browser, page_file, address, viewport=window, color_scheme=scheme)
    image = Image.open(io.BytesIO(shot.page.screenshot())).convert("RGB")
    shot.context.close()
    assert shot.complaints == []
    # A few colours keep the file small; a page on which nothing was drawn has fewer.
    small = image.quantize(256)
    assert len(small.getcolors()) > 100
    path = Path(os.environ.get("LOSSLAND_SHOTS", tmp_path)) / f"{name}.png"
    small.save(path, optimize=True)
    assert path.stat().st_size < 200e3


@pytest.mark.slow
def test_what_is_packed_is_what_was_said(page_file):
    found = re.search(r'id="content">(.*?)<', page_file.read_text())[1]
    content = json.loads(gzip.decompress(b64decode(found)))
    told = {f"{entry['activation']}+{entry['loss']}": entry for entry in content["pairs"]}
    assert told["relu+hinge"]["verdicts"][0][1] == ll.card("relu", "hinge").verdicts()[0]
    marks = {text.split(":")[0]: status for _, text, status in told["relu+hinge"]["verdicts"]}
    assert marks["Not convex for positives"] == "refuted"
    assert marks["Plateau z <= 0 at loss 1"] == "proven"
    assert (
        marks["Calibrated only for thresholds inside (0, 1), as far as was measured; best 1/2, psi = theta/2."]
        == "measured"
    )
    assert told["relu+hinge"]["threshold"] == 0.5
    assert {"identity+hinge", "identity+logistic"} <= set(told)


@pytest.mark.slow
def test_the_modules_own_tests():
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node: apt install nodejs")
    tests = Path(__file__).with_name("page_modules.mjs")
    done = subprocess.run([node, "--test", str(tests)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
