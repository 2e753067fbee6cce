"""Cards as figures: what stands there is what the card says, and how certain it is."""

import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland import figures
from lossland.figures import _cards as cards

NAMES = [
    "relu+hinge",
    "identity+logistic",
    "sigmoid+focal",
    "step+cross_entropy",
    "identity+unhinged",
    "relu+perceptron",
]


@pytest.fixture(scope="module", params=NAMES)
def card(request):
    return ll.card(request.param)


@pytest.mark.slow
def test_a_cards_figure_draws_the_curves_and_marks_what_is_special(card):
    figure = figures.card_figure(card)
    loss = figure.axes[0]
    for line, evaluate in zip(loss.lines, (card.pair.positive, card.pair.negative), strict=False):
        x, y = line.get_data()
        seen = np.isfinite(y)
        np.testing.assert_allclose(y[seen], np.asarray(evaluate(x[seen])), rtol=1e-4, atol=1e-5)
    dotted = {round(float(line.get_xdata()[0]), 6) for line in loss.lines[2:] if line.get_linestyle() == ":"}
    assert dotted == {round(k.at, 6) for k in card.kinks}
    shaded = [patch for patch in loss.patches if patch.get_alpha() == 0.13]
    assert len(shaded) == sum(map(len, card.plateaus))
    psi = figure.axes[4].lines
    assert bool(psi) == bool(np.all(np.isfinite(card.facts.psi)))


@pytest.mark.slow
def test_nothing_in_a_cards_figure_is_cut_off(card):
    figure = figures.card_figure(card)
    figure.draw_without_rendering()
    width, height = figure.canvas.get_width_height()
    for text in [figure._suptitle, figure._supxlabel, *(axes.title for axes in figure.axes)]:
        box = text.get_window_extent()
        assert box.x0 >= 0, text.get_text()
        assert box.x1 <= width, text.get_text()
        assert 0 <= box.y0 <= box.y1 <= height, text.get_text()
    titles = [axes.title.get_window_extent() for axes in figure.axes]
    assert not any(a.overlaps(b) for k, a in enumerate(titles) for b in titles[:k])


def test_a_refuted_convexity_is_drawn_as_its_three_points_and_their_chord():
    card = ll.card("relu", "hinge")
    loss = figures.card_figure(card).axes[0]
    chord, gap, point = loss.lines[-3:]
    assert chord.get_linestyle() == "--"
    assert chord.get_xydata().tolist() == [[-1.0, 1.0], [1.0, 0.0]]
    assert point.get_xydata().tolist() == [[0.0, 1.0]]
    assert gap.get_xydata().tolist() == [[0.0, 1.0], [0.0, 0.5]]
    assert "chord below the loss" in [text.get_text() for text in loss.get_legend().texts]
    convex = figures.card_figure(ll.card("identity", "hinge")).axes[0]
    assert not any(line.get_linestyle() == "--" for line in convex.lines)


def test_a_chord_far_out_is_told_not_drawn():
    card = ll.card("sigmoid", "focal")
    assert max(map(abs, card.evidence["convex"].positive.witness)) > cards.FURTHEST
    loss = figures.card_figure(card).axes[0]
    told = ", ".join(f"{x:.4g}" for x in card.evidence["convex"].positive.witness)
    assert loss.get_title() == f"convex: ✗ no (z = {told})"
    assert loss.get_xlim()[1] < 4


def test_titles_and_caption_say_what_is_proven_refuted_and_measured():
    figure = figures.card_figure(ll.card("relu", "hinge"))
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == [
        "convex: ✗ no / ✓ yes",
        "Lipschitz: ✓ 1",
        "smoothness: ✓ inf",
        "calibrated: ~ inside (0, 1)",
        "psi: ~ at the threshold 1/2",
        "proper: ✓ no",
    ]
    caption = figure._supxlabel.get_text()
    assert caption.endswith("Measured, not proven: calibrated.")
    assert caption.startswith("✓ proven   ✗ refuted   ~ measured")
    assert (
        figures.card_figure(ll.card("identity", "hinge"))
        ._supxlabel.get_text()
        .endswith("All claims are proven or refuted.")
    )


def test_a_caption_of_a_program_that_cannot_be_read():
    @ll.margin_loss
    def rounded_slope(margin):
        return jnp.asarray(-margin, jnp.float32).astype(jnp.result_type(margin))

    caption = figures.card_figure(ll.card("identity", "rounded_slope"))._supxlabel.get_text()
    assert caption.endswith("All of it is measured: the program cannot be read.")


def test_the_map_has_a_cell_for_every_card():
    figure = figures.verdict_map(ll.cards(NAMES))
    convex, plateaus, calibrated, proper = (axes.collections[0].get_array() for axes in figure.axes)
    assert convex.count() == len(NAMES)
    losses = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    outputs = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    cell = outputs.index("relu"), losses.index("hinge")
    assert [grid[cell] for grid in (convex, plateaus, calibrated, proper)] == [0.5, 0.5, 0.5, 0.0]
    cell = outputs.index("identity"), losses.index("logistic")
    assert [grid[cell] for grid in (convex, plateaus, calibrated, proper)] == [1.0, 1.0, 1.0, 1.0]
