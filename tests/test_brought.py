"""What a user can bring, and what works with it: each cell of the table in docs/brought.md, against slow evaluation.

`python tests/test_brought.py` writes the table anew.
"""

import functools
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree

import lossland as ll
from lossland.elements import ACTIVATIONS, LOSSES
from lossland.estimator import PairClassifier

PAGE = Path(__file__).parents[1] / "docs" / "brought.md"
RNG = np.random.default_rng(4)
X = RNG.normal(size=(9, 2)).round(2)
T = np.where(X[:, 0] + 0.5 * RNG.normal(size=9) > 0, 1, -1)
DATA = ll.Dataset(X, T)
STEPS, RATE, L2 = 3, 0.1, 0.2


class Case(NamedTuple):
    """One thing that is brought, and for the rest what is plain.

    Attributes:
        pair: the pair.
        model: gives scores.
        data: the examples.
        weights: (n,) or None.
        at: params to look at; drawn by the model if None.
    """

    pair: Any
    model: Any = ll.linear()
    data: Any = DATA
    weights: Any = None
    at: Any = None

    @property
    def start(self):
        """Params to look at."""
        return self.at if self.at is not None else self.model.init(jax.random.key(1), 2)

    @property
    def objective(self):
        """As the library has it."""
        return ll.objective(self.pair, self.model, self.data, l2=L2, sample_weights=self.weights)


class Layers(NamedTuple):
    hidden: Any
    out: Any


FROZEN = jnp.array([0.5])


def network(hidden, out, inputs):
    return jnp.tanh(inputs @ hidden["kernel"] + hidden["bias"][None]) @ out


def hidden_layer(key):
    return {"kernel": jax.random.normal(key, (2, 3)), "bias": jnp.zeros(3)}


def normalised(params, inputs):
    z = inputs @ params["w"]
    return (z - z.mean()) / jnp.sqrt(z.var() + 1e-3)


MODELS = {
    "affine in the params: an offset, a frozen part": ll.Model(
        lambda key, d: {"w": jax.random.normal(key, (d - 1,)), "b": jnp.zeros(())},
        lambda p, x: x @ jnp.concatenate([p["w"], FROZEN]) + p["b"] + 1.0,
        "affine",
    ),
    "a network in nested dicts": ll.Model(
        lambda key, d: {"params": {"Dense_0": hidden_layer(key), "Dense_1": {"kernel": jnp.ones(3)}}},
        lambda p, x: network(p["params"]["Dense_0"], p["params"]["Dense_1"]["kernel"], x),
        "nested",
    ),
    "layers in a tuple": ll.Model(
        lambda key, d: (hidden_layer(key), jnp.ones(3)), lambda p, x: network(*p, x), "tuple"
    ),
    "layers in a NamedTuple": ll.Model(
        lambda key, d: Layers(hidden_layer(key), jnp.ones(3)), lambda p, x: network(p.hidden, p.out, x), "named"
    ),
    "whole numbers among the params": ll.Model(
        lambda key, d: {"w": jax.random.normal(key, (d,)), "times": jnp.array(2)},
        lambda p, x: jnp.tanh(x @ p["w"]) * p["times"],
        "counts",
    ),
    "one parameter": ll.Model(lambda key, d: {"w": jnp.array([0.7])}, lambda p, x: x[:, 0] * p["w"][0], "one"),
    "batch statistics": ll.Model(lambda key, d: {"w": jax.random.normal(key, (d,))}, normalised, "normalised"),
}


@ll.margin_loss
def mine_smooth(margin):
    """A logistic loss at a temperature."""
    return 2.0 * jnp.logaddexp(0.0, -margin / 2.0)


@ll.margin_loss
def mine_of_lines(margin):
    """Steeper for mistakes."""
    return jnp.maximum(0.0, 1.0 - margin) + jnp.maximum(0.0, -margin)


@ll.margin_loss
def mine_not_convex(margin):
    """A sigmoid loss."""
    return 1.0 - jnp.tanh(margin)


@ll.margin_loss
def mine_with_a_parameter(margin, width=1.0):
    """A softened hinge."""
    return width * jnp.logaddexp(0.0, (1.0 - margin) / width)


@ll.activation(range=(-0.5, float("inf")), kinks=(-0.5,), monotone=True)
def mine_floor(score):
    """A ReLU that starts at -1/2."""
    return jnp.maximum(score, -0.5)


# Pairs hold their elements themselves: the registries stay as other tests know them.
MINE = {
    name: entry for registry in (LOSSES, ACTIVATIONS) for name, entry in registry.items() if name.startswith("mine_")
}
for registry in (LOSSES, ACTIVATIONS):
    for name in MINE:
        registry.pop(name, None)

PLAIN = ll.pair("identity", "logistic")
ROWS = {name: Case(PLAIN, model) for name, model in MODELS.items()}
ROWS |= {
    "a smooth loss": Case(ll.pair("identity", MINE["mine_smooth"])),
    "a loss of lines": Case(ll.pair("identity", MINE["mine_of_lines"])),
    "a loss that is not convex": Case(ll.pair("identity", MINE["mine_not_convex"])),
    "a sum of losses": Case(ll.pair("identity", ll.loss_sum("squared_hinge", ll.scaled("hinge", 0.1)))),
    "a loss with a parameter": Case(ll.pair("identity", MINE["mine_with_a_parameter"], width=0.5)),
    "an output activation": Case(ll.pair(MINE["mine_floor"], "squared_hinge")),
    "soft labels": Case(PLAIN, data=ll.Dataset(X, probabilities=np.linspace(0.0, 1.0, 9))),
    "masked examples": Case(PLAIN, weights=np.array([1.0, 0.0] * 4 + [1.0])),
}


def losses_at(case, params):
    """Each example's loss times its weight, by the definition."""
    scores = case.model.apply(params, jnp.asarray(X))
    shares = case.data.probabilities if case.data.probabilities is not None else (case.data.labels + 1) / 2
    weights = np.ones(9) if case.weights is None else case.weights
    return weights * (shares * case.pair.positive(scores) + (1 - shares) * case.pair.negative(scores))


def slow(case, params):
    """The objective by its definition."""
    square = sum(jnp.sum(w**2) for w in jax.tree.leaves(case.model.penalised(params)))
    return jnp.mean(losses_at(case, params)) + 0.5 * L2 * square


def flat(case):
    """The real numbers of the params in a row, and the way back."""
    start = case.start
    real = {k: v for k, v in start.items() if k != "times"} if isinstance(start, dict) else start
    row, back = ravel_pytree(real)
    return (
        row,
        lambda x: {**back(x), "times": start["times"]} if isinstance(start, dict) and "times" in start else back(x),
    )


PROGRAMS = {}


def looked_at(case, row):
    """`slow` with its gradient and Hessian at params in a row: one program for all columns, as they are compiled long.

    A case is one of `ROWS`, which stay: its id is a name.
    """
    if id(case) not in PROGRAMS:
        back = flat(case)[1]

        def value(x):
            return slow(case, back(x))

        PROGRAMS[id(case)] = jax.jit(lambda x: (value(x), jax.grad(value)(x), jax.hessian(value)(x)))
    return PROGRAMS[id(case)](row)


def of_objective(case):
    row, back = flat(case)
    value, slope, _ = looked_at(case, row)
    np.testing.assert_allclose(case.objective(case.start), value, rtol=1e-9)
    np.testing.assert_allclose(jax.grad(lambda x: case.objective(back(x)))(row), slope, rtol=1e-7, atol=1e-12)


def trained(case):
    row, values = flat(case)[0], []
    for _ in range(STEPS + 1):
        value, slope, _ = looked_at(case, row)
        values, row = [*values, value], row - RATE * slope
    return values


def of_fit(case):
    run = ll.fit(case.objective, case.start, optax.sgd(RATE), STEPS)
    np.testing.assert_allclose(run.values, trained(case), rtol=1e-7)


def of_sweep(case, tmp_path):
    settings = {"seeds": (1,), "learning_rates": (RATE,), "l2s": (L2,), "steps": STEPS, "record": 1}
    settings |= {"model": case.model, "sample_weights": case.weights, "init": case.start}
    made = ll.sweep([case.pair], case.data, folder=tmp_path, **settings)
    np.testing.assert_allclose(made.records["objective"].ravel(), trained(case), rtol=1e-7)
    again = ll.read_sweep(made.path)
    assert jax.tree.structure(again.params) == jax.tree.structure(case.start)


def of_plane(case):
    directions = ll.random_directions(case.start, jax.random.key(3))
    made = ll.plane(
        case.pair, case.data, case.start, directions, radius=1.0, steps=3, model=case.model, l2=L2,
        sample_weights=case.weights,
    )  # fmt: skip
    for i, j in ((0, 0), (2, 1), (1, 1)):
        at = jax.tree.map(
            lambda c, a, b, i=i, j=j: np.asarray(c) + (made.alphas[i] * a + made.betas[j] * b).astype(c.dtype),
            case.start,
            *jax.tree.map(np.asarray, directions),
        )
        np.testing.assert_allclose(made.values[i, j], looked_at(case, flat(case._replace(at=at))[0])[0], rtol=1e-6)


def of_hessian(case):
    wanted = looked_at(case, flat(case)[0])[2]
    np.testing.assert_allclose(ll.hessian(case.objective, case.start), wanted, rtol=1e-6, atol=1e-9)


def of_gauss_newton(case):
    row, back = flat(case)

    def scores_of(x):
        return case.model.apply(back(x), jnp.asarray(X))

    def of_scores(z):
        held = case._replace(model=ll.Model(lambda key, d: z, lambda p, x: p, "scores"))
        return jnp.mean(losses_at(held, z))

    def penalty(x):
        return 0.5 * L2 * sum(jnp.sum(w**2) for w in jax.tree.leaves(case.model.penalised(back(x))))

    @jax.jit
    def written_out(x):
        jacobian = jax.jacobian(scores_of)(x)
        return jacobian.T @ jax.hessian(of_scores)(scores_of(x)) @ jacobian + jax.hessian(penalty)(x)

    wanted = written_out(row)
    np.testing.assert_allclose(ll.curvature.gauss_newton(case.objective, case.start), wanted, rtol=1e-6, atol=1e-9)


def of_gradient_weights(case):
    held = ll.gradient_weights(case.objective, case.start)
    model = ll.Model(lambda key, d: None, lambda p, x: p, "scores")
    of_scores = jax.grad(lambda z: jnp.sum(losses_at(case._replace(model=model, weights=None), z)))
    slopes = jax.jit(lambda p: of_scores(case.model.apply(p, jnp.asarray(X))))(case.start)
    np.testing.assert_allclose(held.weights, -case.data.labels * slopes, rtol=1e-7, atol=1e-12)


def of_solve(case):
    found = ll.solve(case.pair, case.data, l2=L2, sample_weights=case.weights)
    assert found.converged
    best = float(looked_at(case, ravel_pytree(found.params)[0])[0])
    np.testing.assert_allclose(float(found.objective) * L2, best, rtol=1e-8)
    for step in np.random.default_rng(0).normal(size=(10, 3)) * 1e-2:
        near = {"weights": found.weights + step[:2], "bias": found.bias + step[2]}
        assert float(looked_at(case, ravel_pytree(near)[0])[0]) >= best - 1e-12


def of_card(case):
    shown = ll.card(case.pair)
    z = np.linspace(-3.0, 3.0, 13)
    for t, convex in ((1.0, shown.convex.positive), (-1.0, shown.convex.negative)):
        bends = np.diff(np.asarray(case.pair(z, np.full_like(z, t))), 2)
        assert convex == bool((bends >= -1e-9).all())


def of_classifier(case):
    made = PairClassifier(case.pair.activation, case.pair.loss, C=1.0, random_state=0)
    made.fit(X, T, sample_weight=case.weights)
    params = {"weights": jnp.asarray(made.coef_[0]), "bias": jnp.asarray(made.intercept_[0])}
    value = 0.5 * float(jnp.sum(params["weights"] ** 2)) + float(jnp.sum(losses_at(case, params)))
    np.testing.assert_allclose(made.objective_[0], value, rtol=1e-5)


COLUMNS = {
    "objective": of_objective,
    "fit": of_fit,
    "sweep": of_sweep,
    "plane": of_plane,
    "hessian": of_hessian,
    "gauss_newton": of_gauss_newton,
    "gradient_weights": of_gradient_weights,
    "solve": of_solve,
    "card": of_card,
    "PairClassifier": of_classifier,
}

NOTES = {
    1: ("Exact solutions and the estimator are of linear scores; train another model by `fit` or `sweep`.", ""),
    2: ("A card is of a pair, whatever gives the scores and whatever the data are.", ""),
    3: (
        "A loss made of lines has no curvature outside its kinks: `ll.kink_curvature` measures those.",
        "made of lines",
    ),
    4: ("Refused, with the chord that it lies above; `fit` and `PairClassifier` descend.", "convex"),
    5: ("The estimator takes labels, as scikit-learn does; give `sample_weight`, or use `solve`.", ""),
    6: ("One parameter spans a line and no plane: `ll.random_line`, `ll.ray`.", "need as many parameters"),
}
"""Why a cell is no yes: the sentence, and what the error says; nothing where there is no such call."""


def note_of(row, column):
    """The number of the note of a cell; None if it works."""
    if row in MODELS and column != "plane":
        return {"solve": 1, "PairClassifier": 1, "card": 2}.get(column)
    special = {
        ("one parameter", "plane"): 6,
        ("a loss of lines", "hessian"): 3,
        ("a loss of lines", "gauss_newton"): 3,
        ("a loss that is not convex", "solve"): 4,
        ("an output activation", "solve"): 4,
        ("soft labels", "PairClassifier"): 5,
        ("soft labels", "card"): 2,
        ("masked examples", "card"): 2,
    }
    return special.get((row, column))


CELLS = [(row, column) for row in ROWS for column in COLUMNS]


@pytest.mark.parametrize(("row", "column"), CELLS, ids=[f"{r} - {c}" for r, c in CELLS])
def test_each_cell_is_as_the_table_says(row, column, tmp_path):
    note = note_of(row, column)
    use = COLUMNS[column] if column != "sweep" else functools.partial(of_sweep, tmp_path=tmp_path)
    with jax.enable_x64(True):
        if note is None:
            use(ROWS[row])
        elif NOTES[note][1]:
            with pytest.raises(ValueError, match=NOTES[note][1]):
                use(ROWS[row])


def written():
    """The table and its notes as they stand in the docs."""
    lines = ["| what you bring | " + " | ".join(f"`{c}`" for c in COLUMNS) + " |", "|---|" + "---|" * len(COLUMNS)]
    used = set()
    for row in ROWS:
        notes = [note_of(row, column) for column in COLUMNS]
        used |= {n for n in notes if n}
        lines.append(f"| {row} | " + " | ".join("yes" if n is None else f"({n})" for n in notes) + " |")
    return "\n".join([*lines, "", *(f"({n}) {NOTES[n][0]}\n" for n in sorted(used))]).rstrip()


def test_the_table_is_that_of_the_docs():
    assert written() in PAGE.read_text()


if __name__ == "__main__":
    head, _, _ = PAGE.read_text().partition("| what you bring")
    PAGE.write_text(f"{head}{written()}\n")
