"""Identities: what takes a node's place is equal to it in 60 digits, wherever the node is defined."""

import itertools

import mpmath as mp
import numpy as np
import pytest

from lossland.proofs._graph import Graph, add_node, finished
from tests.proofs import cases

POINTS = (-7.13, -1.377, -0.61, 0.0, 0.293, 0.942, 1.0, 2.718, 6.02)
UNARY = [*cases.FUNCTIONS, "neg", "abs"]
WITH_ONE = {
    "1 + .": ("add", 1.0, 0), "1 - .": ("sub", 1.0, 0), ". - 1": ("sub", 1.0, 1), "-1 * .": ("mul", -1.0, 0),
    "2 * .": ("mul", 2.0, 0), ". / 2": ("div", 2.0, 1), ". / 3": ("div", 3.0, 1), "1 / .": ("div", 1.0, 0),
    "0 - .": ("sub", 0.0, 0), "max(., 0)": ("max", 0.0, 1), "min(., 1)": ("min", 1.0, 1), ".^0.5": ("pow", 0.5, 1),
    ".^1.5": ("pow", 1.5, 1), ".^2.0": ("pow", 2.0, 1), ".^-1.0": ("pow", -1.0, 1), "0.3^.": ("pow", 0.3, 0),
}  # fmt: skip
WHOLE = {".^2": 2, ".^3": 3, ".^-2": -2, ".^1": 1}
LINKS = [*UNARY, *WITH_ONE, *WHOLE]
SATURATING = ("tanh", "erf", "logistic", "softplus", "normal_cdf", "gumbel_cdf", "gumbel_survival", "log_normal_cdf")
"""Which 400 digits do not tell from their limits."""
PREDICATES = ("lt", "le", "eq")


class Plain:
    """A graph in which nothing is simplified."""

    def __init__(self):
        self.graph = Graph()
        self.add = self.graph.put


class Simple(Plain):
    """A graph in which everything is."""

    def __init__(self):
        super().__init__()
        self.add = lambda op, args, param=None: add_node(self.graph, op, args, param)


def linked(held, link, node):
    """The node of one operation, maybe with a constant, on another."""
    if link in WITH_ONE:
        op, value, place = WITH_ONE[link]
        constant = held.graph.const(value)
        return held.add(op, (constant, node) if place == 0 else (node, constant))
    return held.add("power", (node,), WHOLE[link]) if link in WHOLE else held.add(link, (node,))


def both(build):
    """The expression as it is written, and as it becomes."""
    return tuple(finished(held.graph, build(held)) for held in (Plain(), Simple()))


def differing(build):
    """Whether something was simplified; then both are compared."""
    plain, simple = both(build)
    if plain == simple:
        return False
    for x in POINTS:
        with mp.workdps(3 * cases.DIGITS):
            try:
                want = cases.exact_jet(plain, x, most=500)
            except cases.Undefined:
                continue
            got = cases.exact_jet(simple, x)
            # At a kink the slope is anybody's.
            for order in range(1 if any(op in ("max", "min", "abs", "select") for op, *_ in plain.nodes) else 3):
                size = 1 + max(map(abs, want))
                close = abs(got[order] - want[order]) <= size * mp.mpf(10) ** -40
                assert close, (
                    f"{plain.nodes} became {simple.nodes}: {mp.nstr(got[order])}, not {mp.nstr(want[order])} at {x}"
                )
    return True


def chain(links):
    def build(held):
        node = held.graph.put("score")
        for link in links:
            node = linked(held, link, node)
        return node

    return build


@pytest.mark.parametrize(
    "first", LINKS[::3] + [pytest.param(k, marks=pytest.mark.slow) for k in LINKS[1::3] + LINKS[2::3]]
)
def test_two_and_three_operations_in_a_row(first):
    rng = np.random.default_rng(20261123 + LINKS.index(first))
    pairs = [(first, second) for second in LINKS]
    triples = [(first, *rng.choice(LINKS, 2)) for _ in range(150)]
    assert sum(differing(chain(links)) for links in pairs + triples) > 20


def related(held):
    """Nodes that have something to do with each other."""
    score = held.graph.put("score")
    two, shift = held.graph.const(2.0), held.graph.const(0.3)
    nodes = [score, two, held.add("neg", (score,)), held.add("sub", (score, shift)), held.add("sub", (shift, score))]
    nodes += [held.add("mul", (two, score)), held.add("add", (two, score)), held.add("sub", (two, score))]
    for inner in (nodes[0], nodes[2], nodes[3], nodes[4]):
        nodes += [
            held.add(op, (inner,)) for op in ("exp", "softplus", "logistic", "abs", "tanh", "recip", "erf", "log")
        ]
    nodes += [held.add("max", (score, two)), held.add("max", (score, nodes[2])), held.add("add", (nodes[0], nodes[8]))]
    return [*nodes, held.add("add", (nodes[8], nodes[16])), held.add("add", (nodes[8], nodes[24]))]


@pytest.mark.parametrize("op", ["add", "sub", "mul", "div", "max", "min", *PREDICATES])
def test_two_operations_side_by_side(op):
    count = len(related(Plain()))
    seen = 0
    for one, other in itertools.product(range(count), repeat=2):

        def build(held, one=one, other=other):
            nodes = related(held)
            node = held.add(op, (nodes[one], nodes[other]))
            return held.add("select", (node, nodes[0], nodes[1])) if op in PREDICATES else node

        seen += differing(build)
    assert seen > 100


def largest_plus(held, x, y, turned):
    """max(x, y) + log(1 + exp(-|x - y|)), as JAX writes logaddexp."""
    gap = held.add("abs", (held.add("sub", (y, x) if turned else (x, y)),))
    rest = held.add("log1p", (held.add("exp", (held.add("neg", (gap,)),)),))
    return held.add("add", (held.add("max", (x, y)), rest))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("order", [1, -1])
def test_logaddexp_is_a_softplus(turned, order):
    def build(held):
        parts = [held.graph.put("score"), held.add("mul", (held.graph.const(0.5), held.graph.put("score")))][::order]
        return largest_plus(held, *parts, turned)

    assert differing(build)
    ops = {op for op, *_ in both(build)[1].nodes}
    assert "softplus" in ops
    assert "abs" not in ops
    assert "max" not in ops


def test_a_softmax_of_two_scores_is_a_sigmoid():
    def build(held):
        score = held.graph.put("score")
        up, down = held.add("exp", (score,)), held.add("exp", (held.add("neg", (score,)),))
        return held.add("div", (up, held.add("add", (up, down))))

    assert differing(build)
    assert "logistic" in {op for op, *_ in both(build)[1].nodes}


def test_what_a_piece_knows_of_its_score_decides_a_choice():
    """abs(z) is z for z > 0, max(z, 1) is 1 for z < 1, and z^2 at most 4 for |z| < 2."""
    for low, high, op, other, want in (
        (0.0, np.inf, "abs", None, "score"), (-np.inf, 0.0, "abs", None, "neg"), (-5.0, 1.0, "max", 1.0, "const"),
        (1.0, 2.0, "max", 1.0, "score"), (1.0, 2.0, "min", 1.0, "const"), (0.5, 2.0, "max", 1.0, "max"),
    ):  # fmt: skip
        graph = Graph()
        score = graph.put("score")
        graph.bound(score, low, high)
        node = add_node(graph, op, (score,) if other is None else (score, graph.const(other)))
        assert graph.op(node) == want, (low, high, op)


@pytest.mark.parametrize("seed", [0, *(pytest.param(k, marks=pytest.mark.slow) for k in range(1, 5))])
def test_signs_and_bounds_of_nodes_hold(seed):
    """What a graph says of each of its nodes, for scores of all sizes between two bounds."""
    rng = np.random.default_rng([20261123, seed])
    checked = 0
    for _ in range(250):
        held = Simple()
        node = held.graph.put("score")
        low, high = sorted(rng.choice([-np.inf, -3.0, -1.0, 0.0, 0.5, 2.0, np.inf], 2, replace=False))
        held.graph.bound(node, low, high)
        for link in rng.choice(LINKS, rng.integers(1, 5)):
            node = linked(held, str(link), node)
            if rng.uniform() < 0.3:
                op = str(rng.choice(["add", "sub", "mul", "max", "min"]))
                node = held.add(op, (node, int(rng.integers(len(held.graph.nodes)))))
        expression, sign, reach = finished(held.graph, node), held.graph.signs[node], held.graph.ranges[node]
        if expression.nodes[-1][0] in PREDICATES or (not sign and reach.low == -np.inf and reach.high == np.inf):
            continue
        for x in np.clip(rng.normal(0, 4, 6), low + 1e-9, high - 1e-9).tolist():
            try:
                with mp.workdps(400):
                    value = cases.exact_jet(expression, x, most=500).value
            except cases.Undefined:
                continue
            checked += 1
            told = f"{expression.nodes} at {x} between {low} and {high}: {mp.nstr(value)}, not {sign} {reach}"
            assert reach.low <= value <= reach.high, told
            if not any(op in SATURATING for op, *_ in expression.nodes):
                assert reach.reaches_low or value > reach.low, told
                assert reach.reaches_high or value < reach.high, told
            assert {"+": value > 0, "-": value < 0, "0+": value >= 0, "0-": value <= 0, "0": value == 0, "": True}[
                sign
            ], told
    assert checked > 300
