"""Identities of sums, products, quotients and powers."""

from lossland.proofs._graph import Graph, add_node, finite_everywhere, folded
from lossland.proofs._signs import exact

WHOLE = 64
"""Whole exponents up to this are powers."""


def neg_node(g: Graph, a: int) -> int | None:
    value = g.value(a)
    if value is not None:
        return g.const(-value)
    if g.op(a) == "neg":
        return g.args(a)[0]
    if g.op(a) == "sub":
        return add_node(g, "sub", (g.args(a)[1], g.args(a)[0]))
    return None


def add_node_(g: Graph, a: int, b: int) -> int | None:
    exactly = folded(g, "add", a, b)
    if exactly is not None:
        return exactly
    for x, y in ((a, b), (b, a)):
        if g.value(x) == 0:
            return y
        if g.op(x) == "neg":
            return add_node(g, "sub", (y, g.args(x)[0]))
        if g.value(x) == 1 and g.op(y) in ("tanh", "erf"):
            return one_plus(g, y)
        if g.value(x) and g.op(y) == "mul" and (found := _shared_size(g, x, y)) is not None:
            return found
        if g.op(x) == "sub" and g.args(x)[1] == y:
            return g.args(x)[0]
        if g.op(x) == "max" and g.op(y) in ("softplus", "log1p"):
            found = _logaddexp(g, x, y)
            if found is not None:
                return found
    return None


def sub_node(g: Graph, a: int, b: int) -> int | None:
    exactly = folded(g, "sub", a, b)
    if exactly is not None:
        return exactly
    if a == b and finite_everywhere(g, a):
        return g.const(0.0)
    if g.value(b) == 0:
        return a
    if g.value(a) == 0:
        return add_node(g, "neg", (b,))
    if g.op(b) == "neg":
        return add_node(g, "add", (a, g.args(b)[0]))
    if g.value(a) and g.op(b) == "mul" and g.value(a) != 1:
        opposite = add_node(g, "neg", (b,))
        found = _shared_size(g, a, opposite)
        if found is not None:
            return found
    if g.op(b) == "sub" and g.args(b)[0] == a:
        return g.args(b)[1]
    if g.op(a) == "add" and b in g.args(a):
        return g.args(a)[1 - g.args(a).index(b)]
    if g.value(a) == 1:
        found = one_minus(g, b)
        if found is not None:
            return found
    if g.op(a) == g.op(b) == "softplus" and _is_negation(g, g.args(a)[0], g.args(b)[0]):
        return g.args(a)[0]
    if g.op(a) == "neg":
        return add_node(g, "neg", (add_node(g, "add", (g.args(a)[0], b)),))
    return None


def _shared_size(g: Graph, c: int, y: int) -> int | None:
    """C + c tanh(u) = c (1 + tanh(u))."""
    if g.op(y) != "mul":
        return None
    for size, part in (g.args(y), g.args(y)[::-1]):
        if g.value(size) and abs(g.value(size)) == abs(g.value(c)) and g.op(part) == "tanh":
            whole = one_plus(g, part) if g.value(size) == g.value(c) else one_minus(g, part)
            return None if whole is None else add_node(g, "mul", (c, whole))
    return None


def _is_negation(g: Graph, a: int, b: int) -> bool:
    return add_node(g, "neg", (a,)) == b


def one_minus(g: Graph, b: int) -> int | None:
    """1 - b for the functions whose complement has a name."""
    op, args = g.op(b), g.args(b)
    if op in ("logistic", "normal_cdf", "cauchy_cdf"):
        return add_node(g, op, (add_node(g, "neg", args),))
    if op in ("gumbel_cdf", "gumbel_survival"):
        return add_node(g, "gumbel_survival" if op == "gumbel_cdf" else "gumbel_cdf", args)
    if op in ("tanh", "erf"):
        return one_plus(g, add_node(g, op, (add_node(g, "neg", args),))) if g.op(b) == op else None
    if op == "neg" and g.op(args[0]) in ("tanh", "erf"):
        return one_plus(g, args[0])
    return None


def one_plus(g: Graph, b: int) -> int:
    """1 + tanh(u) = 2 sigma(2u); 1 + erf(u) = 2 Phi(sqrt(2) u)."""
    two, inner = g.const(2.0), g.args(b)[0]
    if g.op(b) == "neg":
        inner = add_node(g, "neg", (g.args(inner)[0],))
    if "tanh" in (g.op(b), g.op(g.args(b)[0])):
        return add_node(g, "mul", (two, add_node(g, "logistic", (add_node(g, "mul", (two, inner)),))))
    scaled = add_node(g, "mul", (add_node(g, "sqrt", (two,)), inner))
    return add_node(g, "mul", (two, add_node(g, "normal_cdf", (scaled,))))


def _logaddexp(g: Graph, largest: int, rest: int) -> int | None:
    """max(x, y) + log(1 + exp(-|x - y|)) is y + softplus(x - y)."""
    inner = g.args(rest)[0]
    if g.op(rest) != "softplus" or g.op(inner) != "neg" or g.op(g.args(inner)[0]) != "abs":
        return None
    x, y = g.args(largest)
    gap = g.args(g.args(inner)[0])[0]
    for high, low in ((x, y), (y, x)):
        for ordered in (add_node(g, "sub", (high, low)), add_node(g, "sub", (low, high))):
            if gap == ordered or (g.op(gap) == "abs" and g.args(gap)[0] == ordered):
                return add_node(g, "add", (y, add_node(g, "softplus", (add_node(g, "sub", (x, y)),))))
    return None


def mul_node(g: Graph, a: int, b: int) -> int | None:
    exactly = folded(g, "mul", a, b)
    if exactly is not None:
        return exactly
    for x, y in ((a, b), (b, a)):
        value = g.value(x)
        if value == 1:
            return y
        if value == -1:
            return add_node(g, "neg", (y,))
        if value == 0 and finite_everywhere(g, y):
            return x
        if value is not None and g.op(y) == "mul":
            for p, q in (g.args(y), g.args(y)[::-1]):
                whole = None if g.value(p) is None else folded(g, "mul", x, p)
                if whole is not None:
                    return add_node(g, "mul", (whole, q))
        if g.op(x) == "neg":
            return add_node(g, "neg", (add_node(g, "mul", (g.args(x)[0], y)),))
        if g.op(x) == "recip":
            return add_node(g, "div", (y, g.args(x)[0]))
    return add_node(g, "power", (a,), 2) if a == b else None


def div_node(g: Graph, a: int, b: int) -> int | None:
    exactly = folded(g, "div", a, b)
    if exactly is not None:
        return exactly
    if g.value(b) == 1:
        return a
    if g.value(a) == 0 and g.signs[b] in ("+", "-") and finite_everywhere(g, b):
        return g.const(0.0)
    if a == b and g.signs[a] in ("+", "-") and finite_everywhere(g, a):
        return g.const(1.0)
    if g.op(a) == "neg":
        return add_node(g, "neg", (add_node(g, "div", (g.args(a)[0], b)),))
    if g.value(b) is not None and g.value(b):
        inverse = exact("div", 1.0, g.value(b))
        if inverse is not None:
            return add_node(g, "mul", (g.const(inverse), a))
    if g.value(a) == 1:
        return add_node(g, "recip", (b,))
    exponent = one_plus_exp(g, b)
    if exponent is not None and g.op(a) == "exp" and g.args(a)[0] == exponent:
        return add_node(g, "logistic", (exponent,))
    if g.op(b) == "add":
        # x / (x + y) of two positive numbers, as a softmax of two classes has it.
        for x, y in (g.args(b), g.args(b)[::-1]):
            if x == a and g.op(x) == "exp" and g.op(y) == "exp":
                return add_node(g, "logistic", (add_node(g, "sub", (g.args(x)[0], g.args(y)[0])),))
    return None


def one_plus_exp(g: Graph, node: int) -> int | None:
    """The u of 1 + exp(u)."""
    if g.op(node) == "add":
        for x, y in (g.args(node), g.args(node)[::-1]):
            if g.value(x) == 1 and g.op(y) == "exp":
                return g.args(y)[0]
    return None


def recip_node(g: Graph, a: int) -> int | None:
    exponent = one_plus_exp(g, a)
    if exponent is not None:
        return add_node(g, "logistic", (add_node(g, "neg", (exponent,)),))
    if g.op(a) == "recip" and g.signs[g.args(a)[0]] in ("+", "-"):
        return g.args(a)[0]
    if g.op(a) == "exp":
        return add_node(g, "exp", (add_node(g, "neg", g.args(a)),))
    value = g.value(a)
    if value:
        found = exact("div", 1.0, value)
        return None if found is None else g.const(found)
    return None


def power_node(g: Graph, a: int, n: int) -> int | None:
    if n == 0:
        return g.const(1.0)
    if n == 1:
        return a
    if n == -1:
        return add_node(g, "recip", (a,))
    if n < 0:
        return add_node(g, "recip", (add_node(g, "power", (a,), -n),))
    if g.op(a) in ("neg", "abs") and n % 2 == 0:
        return add_node(g, "power", g.args(a), n)
    if g.op(a) == "exp":
        return add_node(g, "exp", (add_node(g, "mul", (g.const(float(n)), g.args(a)[0])),))
    if g.op(a) == "sqrt" and n == 2:
        inner = g.args(a)[0]
        return inner if g.signs[inner] in ("+", "0+") else None
    value = g.value(a)
    found = None if value is None or n > WHOLE else exact("power", value, n)
    return None if found is None else g.const(found)


def pow_node(g: Graph, a: int, b: int) -> int | None:
    exponent = g.value(b)
    if exponent is not None and abs(exponent) <= WHOLE and exponent == int(exponent):
        return add_node(g, "power", (a,), int(exponent))
    if g.signs[a] == "+" and (exponent is None or g.op(a) in ("logistic", "exp", "normal_cdf", "gumbel_cdf",
                                                              "gumbel_survival")):  # fmt: skip
        return add_node(g, "exp", (add_node(g, "mul", (b, add_node(g, "log", (a,)))),))
    if exponent == 0.5:
        return add_node(g, "sqrt", (a,))
    return None
