"""Losses of the margin as trees: one and the same tree as a JAX function and in many digits."""

import itertools

import jax
import jax.numpy as jnp
import mpmath as mp
from hypothesis import strategies as st
from jax.scipy.special import erf

from tests.proofs import cases

SMOOTH = {
    "softplus": jax.nn.softplus, "logistic": jax.nn.sigmoid, "tanh": jnp.tanh, "erf": erf, "exp": jnp.exp,
    "log1p": jnp.log1p, "expm1": jnp.expm1, "sin": jnp.sin, "sqrt": jnp.sqrt, "atan": jnp.arctan,
}  # fmt: skip
PAIRS = {"add": jnp.add, "sub": jnp.subtract, "mul": jnp.multiply, "max": jnp.maximum, "min": jnp.minimum}


def as_jax(tree, m):
    """The tree as a JAX program."""
    op, *rest = tree
    if op == "score":
        return m
    if op == "affine":
        return rest[0] * as_jax(rest[2], m) + rest[1]
    if op == "where":
        return jnp.where(as_jax(rest[0], m) > 0, as_jax(rest[1], m), as_jax(rest[2], m))
    if op == "clip":
        return jnp.clip(as_jax(rest[2], m), rest[0], rest[1])
    if op == "raised":
        return as_jax(rest[1], m) ** rest[0]
    given = [as_jax(x, m) for x in rest]
    return jnp.abs(*given) if op == "abs" else (SMOOTH | PAIRS)[op](*given)


def constant(x):
    return cases.Jet(mp.mpf(x))


def as_jet(tree, x):
    """Its jet at a number."""
    op, *rest = tree
    if op == "score":
        return cases.Jet(mp.mpf(x), mp.mpf(1))
    if op == "affine":
        a, b, inner = rest
        return cases.combined("add", [cases.times(constant(a), as_jet(inner, x)), constant(b)])
    if op == "where":
        return as_jet(rest[1] if as_jet(rest[0], x).value > 0 else rest[2], x)
    if op == "clip":
        lifted = cases.combined("max", [as_jet(rest[2], x), constant(rest[0])])
        return cases.combined("min", [lifted, constant(rest[1])])
    if op == "raised":
        power, inner = rest[0], as_jet(rest[1], x)
        if power == int(power):
            return cases.combined("power", [inner], int(power))
        if inner.value == 0:
            slope = mp.mpf(0) if power > 1 else mp.inf
            return cases.Jet(mp.mpf(0), slope, mp.mpf(0) if power > 2 or not inner.slope else mp.inf)
        return cases.combined("pow", [inner, constant(power)])
    return cases.combined(op, [as_jet(part, x) for part in rest])


def gaps(tree):
    """The differences that the tree's choices turn on."""
    op, *rest = tree
    if op in ("max", "min"):
        yield ("sub", *rest)
    if op in ("abs", "where"):
        yield rest[0]
    if op == "clip":
        yield from (("affine", 1.0, -bound, rest[2]) for bound in rest[:2])
    for part in rest:
        if isinstance(part, tuple):
            yield from gaps(part)


def operations(tree):
    return {tree[0]}.union(*(operations(part) for part in tree[1:] if isinstance(part, tuple)))


def places(tree):
    """Numbers at which a choice may change, by bisection of each difference between neighbours of a grid."""
    with mp.workdps(40):
        grid = sorted(
            {mp.mpf(k) / 7 for k in range(-60, 61, 3)} | {s * mp.mpf(2) ** k for k in range(4, 16) for s in (-1, 1)}
        )
        found = []
        for gap in gaps(tree):
            values = [as_jet(gap, x).value for x in grid]
            for a, b, low, high in zip(grid, grid[1:], values, values[1:], strict=False):
                if low * high > 0 or low == high:
                    continue
                for _ in range(100):
                    middle = (a + b) / 2
                    a, b = (middle, b) if mp.sign(as_jet(gap, middle).value) == mp.sign(low) else (a, middle)
                found.append((a + b) / 2)
        return found


def told_apart(found):
    """Whether doubles tell the numbers apart that are not one."""
    found = sorted(found)
    gaps = [(b - a, max(1, abs(a))) for a, b in itertools.pairwise(found)]
    return all(gap > 3e-16 * size or gap < 1e-25 * size for gap, size in gaps)


def joined(at, left, right, miss):
    """where(m > at, right + c, left), c such that the two meet at `at` but for a miss, in doubles."""
    with mp.workdps(40):
        gap = float(as_jet(left, at).value - as_jet(right, at).value) + miss
    return ("where", ("affine", 1.0, -at, ("score",)), ("affine", 1.0, gap, right), left)


SCALES = st.sampled_from([1.0, -1.0, 2.0, -2.0, 0.5, -0.3, 7.0, -1e-3])
SHIFTS = st.sampled_from([0.0, 1.0, -1.0, 0.05, -0.7, 2.5, -3.1, 20.05])
SPOTS = st.sampled_from([0.0, 1.0, -1.0, 0.3, 1.5, -2.7, 7.1])
MISSES = st.sampled_from([0.0, 0.0, 0.0, 1e-3, -1e-3, 1e-6, -1e-9, 1e-12, -1e-12])
LINES = st.builds(lambda a, b: ("affine", a, b, ("score",)), SCALES, SHIFTS)
STEEP = st.builds(lambda a, b: ("affine", a, b, ("score",)), st.sampled_from([1.0, -1.0, 2.0, -0.5]), SHIFTS)
POWERS = st.sampled_from([1.5, 2, 2.5, 3, 4])


def part(u, power=1):
    """The positive part of a tree, to a power."""
    rectified = ("max", u, ("affine", 0.0, 0.0, ("score",)))
    return rectified if power == 1 else ("raised", power, rectified)


def hats(at, width, height):
    """A tent that stands on the logistic loss."""
    side = ("affine", -1.0 / width, 1.0, ("abs", ("affine", 1.0, -at, ("score",))))
    return ("add", ("softplus", ("affine", -1.0, 0.0, ("score",))), ("affine", height, 0.0, part(side)))


def near_kinks(at, gap, share):
    other = ("affine", -share, 0.0, part(("affine", -1.0, at - gap, ("score",))))
    return ("add", part(("affine", -1.0, at, ("score",))), other)


GAPS = st.sampled_from([1e-3, 1e-5, 1e-7, 1e-9])
TERMS = st.one_of(
    LINES,
    st.builds(part, LINES, st.one_of(st.just(1), POWERS)),
    st.builds(lambda p, u: ("raised", p, ("abs", u)), POWERS, LINES),
    st.builds(lambda f, u: (f, u), st.sampled_from(["softplus", "logistic", "tanh", "erf", "atan", "abs"]), LINES),
    st.builds(lambda u: ("exp", ("min", u, ("affine", 0.0, 3.0, ("score",)))), STEEP),
    st.builds(lambda u: ("sin", ("clip", -3.0, 3.0, u)), LINES),
    st.builds(lambda u: ("log1p", ("softplus", u)), LINES),
    st.builds(lambda u: ("sqrt", ("affine", 1.0, 1.0, ("raised", 2, u))), LINES),
    st.builds(lambda a, b, u: ("clip", min(a, b), max(a, b) + 0.05, u), SHIFTS, SHIFTS, LINES),
    st.builds(hats, SPOTS, GAPS, st.sampled_from([0.1, -0.1, 1e-3])),
    st.builds(near_kinks, SPOTS, GAPS, st.sampled_from([0.9, 1.0, 1.1])),
)
OUTER = st.sampled_from(["softplus", "logistic", "tanh", "erf", "abs", "log1p of square", "square", "atan"])


def wrapped(name, u):
    square = ("raised", 2, u)
    return {"square": square, "log1p of square": ("log1p", square)}.get(name, (name, u))


def larger(trees):
    return st.one_of(
        st.builds(
            lambda op, a, b: (op, a, b),
            st.sampled_from(["add", "sub", "max", "min", "max", "min", "mul"]),
            trees,
            trees,
        ),
        st.builds(joined, SPOTS, trees, trees, MISSES),
        st.builds(lambda a, b, u: ("affine", a, b, u), SCALES, SHIFTS, trees),
        st.builds(wrapped, OUTER, trees),
        st.builds(lambda a, b, u: ("clip", min(a, b), max(a, b) + 0.05, u), SHIFTS, SHIFTS, trees),
    )


TREES = st.recursive(TERMS, larger, max_leaves=4)
