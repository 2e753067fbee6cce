"""Stable composition: a loss is evaluated on an output together with what subtraction would spoil.

`log(sigmoid(z))` and `1 - tanh(z)` lose every digit in a tail, although log and one-minus of these outputs are easy to
compute from z. So an activation may file its neighbours (1 - a, 1 + a, log a, log(1 - a)), and a loss, anybody's, is
traced once and replayed with them: wherever it takes `1 - x` or `log(x)` of its argument, the neighbour is used.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.core import Tracer
from jax.extend.core import Jaxpr, Literal

from lossland.core import Keyed, by_structure, keyed
from lossland.elements._explained import forward_refused


class Output(NamedTuple):
    """An activation's value a with its neighbours, each right to a few ulp; None: formed from the value."""

    value: Array
    one_minus: Array | None = None
    one_plus: Array | None = None
    log: Array | None = None
    log_one_minus: Array | None = None


class Tracked(NamedTuple):
    """A number x (or, negated, -x) that remembers 1 - x, 1 + x and, for a probability, log x and log(1 - x)."""

    value: Array
    complement: Array
    plus: Array | None = None
    log: Callable[[], Array] | None = None
    log_complement: Callable[[], Array] | None = None
    exact: bool = False
    negated: bool = False

    def flipped(self) -> "Tracked":
        """1 - x, remembering x."""
        return self._replace(
            value=self.complement,
            complement=self.value,
            plus=None,
            log=self.log_complement,
            log_complement=self.log,
            negated=False,
        )

    def plain(self) -> Array:
        """The number alone."""
        return -self.value if self.negated else self.value


def margin(output: Output, label: Array) -> Tracked:
    """The margin m = label * a, remembering 1 - m and 1 + m, which are 1 - a and 1 + a, swapped for t = -1."""
    below = 1.0 - output.value if output.one_minus is None else output.one_minus
    above = 1.0 + output.value if output.one_plus is None else output.one_plus
    return Tracked(label * output.value, jnp.where(label > 0, below, above), jnp.where(label > 0, above, below))


def likelihood(output: Output, label: Array) -> Tracked:
    """The likelihood q of the true class, a for t = +1 and 1 - a for t = -1, remembering 1 - q, log q, log(1 - q)."""
    below = 1.0 - output.value if output.one_minus is None else output.one_minus
    value, complement = jnp.where(label > 0, output.value, below), jnp.where(label > 0, below, output.value)
    if output.log is None or output.log_one_minus is None:
        logs = (lambda: log_near_one(value, complement)), (lambda: log_near_one(complement, value))
        return Tracked(value, complement, output.one_plus, *logs)
    first, second = output.log, output.log_one_minus
    return Tracked(
        value,
        complement,
        output.one_plus,
        log=lambda: jnp.where(label > 0, first, second),
        log_complement=lambda: jnp.where(label > 0, second, first),
        exact=True,
    )


def log_near_one(value: Array, complement: Array) -> Array:
    """log(value), through the complement where value is near 1."""
    near = value > 0.5
    return jnp.where(near, jnp.log1p(-jnp.where(near, complement, 0.25)), jnp.log(jnp.where(near, 0.25, value)))


def replay(function: Callable[[Array], Array], tracked: Tracked) -> Array:
    """Evaluate `function(tracked.value)`, with the remembered neighbours wherever it takes 1 - x or log x.

    Args:
        function: an elementwise function of one array, such as a loss.
        tracked: its argument, of shape (...).

    Returns:
        The value, shape (...).

    Example:
        >>> import jax.numpy as jnp
        >>> from lossland.elements import sigmoid
        >>> tiny = Output(sigmoid(jnp.float32(20.0)), one_minus=sigmoid(jnp.float32(-20.0)))
        >>> brier = lambda likelihood: (1.0 - likelihood) ** 2
        >>> float(brier(tiny.value)), f"{replay(brier, likelihood(tiny, jnp.float32(1.0))):.4g}"
        (0.0, '4.248e-18')
    """
    closed = jax.make_jaxpr(to_trace(keyed(function)))(tracked.value)
    (result,) = _interpret(closed.jaxpr, closed.consts, [tracked])
    return _plain(result)


@by_structure(maxsize=256)
def to_trace(function: Keyed) -> Callable[[Array], Array]:
    """The function, traced again when what it sees has changed: JAX itself compares functions by identity."""
    return lambda x: function.value(x)


def _interpret(jaxpr: Jaxpr, consts: list[Any], arguments: list[Any]) -> list[Any]:
    """Run a jaxpr equation by equation, keeping `Tracked` numbers through the few operations that know them."""
    known: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    known |= dict(zip(jaxpr.invars, arguments, strict=True))

    def read(atom: Any) -> Any:
        return atom.val if isinstance(atom, Literal) else known[atom]

    for equation in jaxpr.eqns:
        inputs = [read(atom) for atom in equation.invars]
        if any(isinstance(x, Tracked) for x in inputs):
            outputs = _apply(equation, inputs)
        else:
            outputs = bind(equation, inputs)
        known |= dict(zip(equation.outvars, outputs, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _apply(equation: Any, inputs: list[Any]) -> list[Any]:
    """One operation on tracked numbers: by its rule, by entering a jitted function, or on plain values."""
    name = equation.primitive.name
    if name in ("jit", "pjit"):
        inner = equation.params["jaxpr"]
        return _interpret(inner.jaxpr, inner.consts, inputs)
    rule = _RULES.get(name)
    result = None if rule is None else rule(equation, *inputs)
    return bind(equation, [_plain(x) for x in inputs]) if result is None else [result]


def bind(equation: Any, inputs: Sequence[Any]) -> list[Any]:
    """Evaluate one equation of a program."""
    # JAX before 0.10.2 hands the functions of a custom derivative apart from its parameters.
    bound = equation.primitive.get_bind_params(equation.params)
    functions, parameters = ((), bound) if isinstance(bound, dict) else bound

    def bound_to(*given: Any) -> Any:
        return equation.primitive.bind(*functions, *given, **parameters)

    one_mode = equation.primitive.name == "custom_vjp_call"
    result = forward_refused(bound_to, *inputs) if one_mode else bound_to(*inputs)
    return list(result) if equation.primitive.multiple_results else [result]


def _plain(x: Any) -> Any:
    return x.plain() if isinstance(x, Tracked) else x


def _is(x: Any, number: float) -> bool:
    return not isinstance(x, (Tracked, Tracer)) and jnp.ndim(x) == 0 and x == number


def _subtract(equation: Any, x: Any, y: Any) -> Any:
    if _is(x, 1.0):
        return y.plus if y.negated else y.flipped()
    if _is(y, 1.0) and not x.negated:
        return x.flipped()._replace(negated=True)
    return None


def _add(equation: Any, x: Any, y: Any) -> Any:
    for one, other in ((x, y), (y, x)):
        if _is(one, 1.0):
            return other.flipped() if other.negated else other.plus
    return None


def _multiply(equation: Any, x: Any, y: Any) -> Any:
    for factor, other in ((x, y), (y, x)):
        if _is(factor, 1.0):
            return other
        if _is(factor, -1.0):
            return _negate(equation, other)
    return None


def _negate(equation: Any, x: Tracked) -> Tracked:
    return x._replace(negated=not x.negated)


def _power(equation: Any, x: Any, exponent: Any) -> Any:
    # x ** p has slope p x^(p-1) x', which is inf * 0 once x underflows; exp(p log x) has not.
    if isinstance(x, Tracked) and x.log and x.exact and not x.negated and not isinstance(exponent, Tracked):
        # The power 0 of 0 is 1: 0 times its logarithm would be no number.
        if not isinstance(exponent, Tracer) and jnp.ndim(exponent) == 0:
            return jnp.ones_like(x.value) if exponent == 0.0 else jnp.exp(exponent * x.log())
        still = exponent == 0.0
        return jnp.where(still, 1.0, jnp.exp(jnp.where(still, 1.0, exponent) * x.log()))
    return None


def _same_shape(equation: Any, x: Any, *_: Any) -> Any:
    return x if equation.invars[0].aval.strip_weak_type() == equation.outvars[0].aval.strip_weak_type() else None


_RULES: dict[str, Callable[..., Any]] = {
    "sub": _subtract,
    "add": _add,
    "mul": _multiply,
    "neg": _negate,
    "pow": _power,
    "log": lambda equation, x: x.log() if x.log and not x.negated else None,
    "log1p": lambda equation, x: x.log_complement() if x.log_complement and x.negated else None,
    "convert_element_type": _same_shape,
    "broadcast_in_dim": _same_shape,
    "copy": _same_shape,
}
