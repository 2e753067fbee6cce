"""Contracts: does a loss, an activation or a pair behave, and is what it claims true? `check_loss` and its like.

Behaviour is looked at on a grid; a claim is decided by the program where that can be read (a refuted one names the
points), and looked at on the grid where it cannot.
"""

from collections.abc import Iterator
from typing import Any

import jax

from lossland.elements import ACTIVATIONS, LOSSES, Check, activation_checks, find, loss_checks, pair_checks
from lossland.elements import pair as as_pair
from lossland.properties._decided_claims import decided_claims


class ContractError(AssertionError):
    """A contract is broken; the message names the point that refutes it.

    Attributes:
        checks: all of them, those that hold too.
    """

    def __init__(self, message: str, checks: tuple[Check, ...] = ()) -> None:
        super().__init__(message)
        self.checks = checks


def check_loss(loss: Any) -> tuple[Check, ...]:
    """Check a loss's contract: shapes, dtypes, finiteness, NaN, jit, vmap, gradient, and each of its claims.

    Args:
        loss: a registered loss by name, function or entry, or "path/to/file.py:name".

    Returns:
        The checks that it passed.

    Raises:
        ContractError: if any fails, with the table of all: what fails at which point, and what holds.

    Example:
        >>> import lossland as ll
        >>> [(c.name, c.seen) for c in ll.check_loss("hinge")][-4]
        ('claim convex', 'convex: proven from its program')
    """
    entry = find(LOSSES, loss)
    return _settle(loss_checks(entry, decided_claims), f"loss {loss if isinstance(loss, str) else entry.name}")


def check_activation(activation: Any) -> tuple[Check, ...]:
    """Check an output activation's contract, and each of its claims.

    Args:
        activation: a registered activation by name, function or entry, or "path/to/file.py:name".

    Returns:
        The checks that it passed.

    Raises:
        ContractError: as `check_loss`.

    Example:
        >>> import lossland as ll
        >>> "claim range" in [c.name for c in ll.check_activation("sigmoid")]
        True
    """
    entry = find(ACTIVATIONS, activation)
    return _settle(activation_checks(entry, decided_claims), f"activation {entry.name}")


def check_pair(activation: Any, loss: Any = None) -> tuple[Check, ...]:
    """Check a pair: finite values, right slopes and curvatures, and the same numbers in float32 as in float64.

    Args:
        activation: a pair, its name, or an activation as in `pair`.
        loss: a loss as in `pair`, if the first is an activation.

    Returns:
        The checks that it passed.

    Raises:
        ContractError: as `check_loss`.
        ValueError: if the pair is not admissible.

    Example:
        >>> import lossland as ll
        >>> len(ll.check_pair("relu", "hinge")) > 3
        True
    """
    pair = as_pair(activation, loss)
    return _settle(pair_checks(pair), f"pair {pair.name}")


def _settle(checks: Iterator[Check], what: str) -> tuple[Check, ...]:
    with jax.enable_x64(True):
        done = tuple(checks)
    failed = [check for check in done if check.refutation]
    if failed:
        rows = [("FAILS", check.name, check.refutation) for check in failed]
        rows += [("holds", check.name, check.seen) for check in done if not check.refutation]
        lines = "\n".join(f"  {verdict}  {name}: {said}".rstrip(": ") for verdict, name, said in rows)
        raise ContractError(f"The {what} breaks {len(failed)} of {len(done)} contracts:\n{lines}", done)
    return done
