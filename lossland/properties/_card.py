"""Cards: what a pair is, computed from the function alone. `card(activation, loss)` for one, `cards()` for all.

A card holds the pair's facts (`Facts`), functions of them (risk, psi, conjugate, link, ...) and verdicts in words.
"""

import html
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from lossland.core import guarded, keep_compiled, picture_html, plotted, shown
from lossland.curves import LABELS, Curves, Interval, Kink, evaluator
from lossland.elements import Pair, activation_checks, is_traced, loss_checks, pair, pairs
from lossland.proofs import Claim
from lossland.properties import _links, _psi_transform
from lossland.properties._autodiff import Health, Tied, health, ties
from lossland.properties._calibration import includes, settled
from lossland.properties._conjugate import closed_form, conjugate, proximal
from lossland.properties._decided_claims import decided_claims
from lossland.properties._evidence import evidence_of
from lossland.properties._facts import Facts, PerClass, dead, facts
from lossland.properties._links import each, number, numbers
from lossland.properties._psi_transform import curves_at, least, reaching, wide
from lossland.properties._report import show_card
from lossland.properties._verdicts import verdicts


@dataclass(frozen=True, eq=False)
class Card:
    """Everything about a pair, on the score axis; per-class fields are (positive, negative).

    Numbers in, numbers out; arrays in, arrays out. The rule that thresholds refer to is "z > threshold means t = +1".

    Attributes:
        facts: what was computed once: shapes, tails, known forms, calibration and more.

    Example:
        >>> import lossland as ll
        >>> c = ll.card("identity", "hinge")
        >>> c.convex.positive, c.lipschitz, [kink.at for kink in c.kinks], c.best_threshold
        (True, 1.0, [-1.0, 1.0], 0.0)
        >>> round(c.risk(0.8), 6), round(c.minimiser(0.8), 6), round(c.psi(0.5), 6), c.proper
        (0.4, 1.0, 0.5, False)
    """

    facts: Facts
    _evaluate: Callable[[np.ndarray], np.ndarray] = field(repr=False)

    @property
    def pair(self) -> Pair:
        """The pair."""
        return self.facts.pair

    @property
    def convex(self) -> PerClass[bool]:
        """Whether each class curve is convex in the score, two booleans."""
        return PerClass(*(shape.convex for shape in self.facts.shapes))

    @property
    def infimum(self) -> PerClass[float]:
        """The greatest lower bound of each class curve; `facts.shapes` says whether it is attained."""
        return PerClass(*(shape.infimum for shape in self.facts.shapes))

    @property
    def plateaus(self) -> PerClass[tuple[Interval, ...]]:
        """Per class, the maximal intervals of the score with slope zero and a value above the infimum."""
        return PerClass(*(shape.plateaus for shape in self.facts.shapes))

    @property
    def kinks(self) -> tuple[Kink, ...]:
        """Where value, slope or curvature of a class curve jumps, with both one-sided values."""
        return self.facts.kinks

    @property
    def lipschitz(self) -> float:
        """The smallest Lipschitz constant of both class curves; inf if there is none."""
        return max(shape.lipschitz for shape in self.facts.shapes)

    @property
    def smoothness(self) -> float:
        """The smallest Lipschitz constant of both slopes; inf at a kink."""
        return max(shape.smoothness for shape in self.facts.shapes)

    @property
    def as_sum_of_known(self) -> PerClass[str | None]:
        """Each class curve as a formula of a registered margin loss of m = label * score, None where it is none."""
        return PerClass(*(None if known is None else str(known) for known in self.facts.known))

    @property
    def calibrated_thresholds(self) -> Interval | None:
        """The interval of calibrated thresholds, None if there is none; `facts.calibration` says which ends belong."""
        return self.facts.calibration.interval

    @property
    def best_threshold(self) -> float | None:
        """The calibrated threshold with the largest psi on average; None if no threshold is calibrated."""
        return self.facts.calibration.best

    @property
    def proper(self) -> bool:
        """Whether the risk's minimiser tells P(t = +1): as the output if that lies in [0, 1], else through a link."""
        return self.facts.proper

    @property
    def margin_maximising(self) -> bool | None:
        """Whether the regularisation path ends at the largest margin on separable data; None if not a margin loss."""
        return self.facts.margin_maximising

    @property
    def evidence(self) -> Mapping[str, PerClass[Claim]]:
        """What stands behind each claim: per class a status ("proven", "refuted", "measured"), witness, enclosure.

        Example:
            >>> import lossland as ll
            >>> ll.card("tanh", "hinge").evidence["lipschitz"].positive.status
            'proven'
        """
        return evidence_of(self.facts)

    def conjugate(self, u: Any, label: float = 1.0) -> Any:
        r"""The Fenchel conjugate :math:`f^*(u) = \sup_z u z - f(z)` of a class curve; inf off its domain.

        Args:
            u: slopes, any shape.
            label: whose curve, -1 or +1; for a margin loss +1 gives phi*.

        Returns:
            The values, shaped as u; `properties._conjugate` has their error bounds.
        """
        row = _row(label)

        def values(table: Curves, slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            found = conjugate(table, row, self._evaluate, np.where(np.isinf(slopes), 0.0, slopes))
            ends = table.slopes[row, [0, -1]]
            return np.where(np.isinf(slopes), np.inf, found.value), np.where(
                (slopes < ends[0]) | (slopes > ends[1]), found.at, 0.0
            )

        return each(lambda slopes: reaching(self.facts.curves, self.pair, values, slopes), numbers(u, "a slope u"))

    def conjugate_form(self, label: float = 1.0) -> str:
        """The conjugate in closed form where the class curve is recognised and its form is known; else empty.

        For the negative curve of a loss that is not one of the margin, u is the slope in m = -z.
        """
        return closed_form(self.facts.known[_row(label)])

    def prox(self, v: Any, gamma: float = 1.0, label: float = 1.0) -> Any:
        r"""The proximal operator of a class curve: :math:`\arg\min_z f(z) + (z - v)^2 / (2 \gamma)`.

        Args:
            v: points, any shape.
            gamma: the step, > 0.
            label: whose curve, -1 or +1.

        Returns:
            The minimisers, shaped as v; +-inf at +-inf.

        Raises:
            ValueError: if the curve is not convex or gamma is not positive and finite.
        """
        row = _row(label)
        if not self.facts.shapes[row].convex:
            bends = self.facts.shapes[row].refutes_convexity
            raise ValueError(
                f"{self.pair.name} is not convex for t = {label:+g} (it bends down at z = {bends:.4g}): its proximal "
                f"operator is not a function. `smoothed` and `prox` need a convex curve."
            )
        step = number(gamma, "the step gamma")
        if not 0 < step < np.inf:
            raise ValueError(
                f"The step gamma must be positive and finite, not {gamma}; prox(v, gamma=1.0), for example."
            )

        def points(table: Curves, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            found = proximal(table, row, self._evaluate, np.where(np.isinf(at), 0.0, at), step).point
            side = np.where(found < 0, 0, -1)
            end, slope, bend = table.scores[side], table.slopes[row, side], table.curvatures[row, side]
            # Out of the table the curve goes on as a parabola.
            further = end + (at - end - step * slope) / (1 + step * bend)
            found = np.where((found == end) & np.isfinite(at), further, found)
            return np.where(np.isinf(at), at, found), found

        return each(lambda at: reaching(self.facts.curves, self.pair, points, at), numbers(v, "a point v"))

    def conditional_risk(self, score: Any, eta: Any) -> Any:
        """The conditional risk C(z) = eta positive(z) + (1 - eta) negative(z), shaped as score and eta together."""

        def risks(z: np.ndarray, positives: np.ndarray) -> np.ndarray:
            rows = zip((positives, 1 - positives), curves_at(self.facts.curves, self.pair, z), strict=True)
            with np.errstate(invalid="ignore", over="ignore"):
                terms = [np.where(share == 0, 0.0, share * row) for share, row in rows]
                return terms[0] + terms[1]

        return each(risks, numbers(score, "a score"), _probabilities(eta))

    def risk(self, eta: Any) -> Any:
        """The minimal conditional risk H(eta), eta = P(t = +1 | x), shaped as eta."""
        return each(lambda etas: least(self.facts.curves, self.pair, etas).value, _probabilities(eta))

    def minimiser(self, eta: Any) -> Any:
        """A score f*(eta) of least conditional risk: the middle or the finite end of several, +-inf if only a limit."""
        return each(lambda etas: least(self.facts.curves, self.pair, etas).at, _probabilities(eta))

    def psi(self, theta: Any, threshold: float | None = None) -> Any:
        """Bound the excess error of the rule z > threshold: the psi-transform of it is at most the excess risk.

        Args:
            theta: excess errors in [0, 1], any shape.
            threshold: the best one if left out (0 if none is calibrated).

        Returns:
            psi, shaped as theta.
        """
        asked = numbers(theta, "theta, an excess error", 0.0, 1.0)
        curves, at = self._threshold(threshold)
        return each(lambda thetas: _psi_transform.psi(curves, thetas, at), asked)

    def excess_error(self, risk: Any, threshold: float | None = None) -> Any:
        """The largest excess 0-1 error that a given excess risk allows, the inverse of psi, shaped as risk."""
        asked = numbers(risk, "an excess risk", 0.0)
        curves, at = self._threshold(threshold)
        return each(lambda risks: _psi_transform.excess_error(curves, risks, at), asked)

    def calibrated(self, threshold: float = 0.0) -> bool:
        """Whether the rule z > threshold is classification-calibrated: risk to its least implies error to its least."""
        return includes(self.facts.calibration, number(threshold, "a threshold"))

    def link(self, score: Any) -> Any:
        """The probability at which each score minimises the risk, the slope ratio; NaN where neither curve moves.

        It is an inverse link, strictly increasing, exactly if `facts.elicits`.
        """
        return each(lambda z: _links.share(*curves_at(self.facts.curves, self.pair, z, 1)), numbers(score, "a score"))

    def matching_loss(self, score: Any, target: Any) -> Any:
        """The matching loss of the pair's activation at a score for a target output; see `_links.matching_loss`."""

        def losses(z: np.ndarray, y: np.ndarray) -> np.ndarray:
            return _links.matching_loss(self.pair.activation, z, y)

        return each(losses, numbers(score, "a score"), numbers(target, "a target"))

    def convexity_band(self, output: Any) -> tuple[Any, Any]:
        """Between which bounds g'' / g'^2 must lie at an output for the loss to be convex in z; see `_links`."""
        low, high = self.pair.loss.domain
        a = numbers(output, f"an output that {self.pair.loss.name} takes", low, high)
        return (
            each(lambda x: _links.convexity_band(self.pair.loss, x)[0], a),
            each(lambda x: _links.convexity_band(self.pair.loss, x)[1], a),
        )

    def weight(self, score: Any, label: float) -> Any:
        """The gradient weight - d loss / d margin of an example of one class at each score, shaped as score."""
        row = _row(label)
        return each(lambda z: -label * curves_at(self.facts.curves, self.pair, z, 1)[row], numbers(score, "a score"))

    def dead(self, label: float, threshold: float = 0.0) -> tuple[Interval, ...]:
        """Where a misclassified example of one class has gradient weight zero, as intervals of the score."""
        return dead(self.facts.shapes[_row(label)], label, number(threshold, "a threshold"))

    def ties(self) -> tuple[Tied, ...]:
        """Which slope autodiff returns at each kink under each tie."""
        return ties(self.pair, self.kinks)

    def health(self) -> tuple[Health, ...]:
        """Whether value, slope and curvature are finite over |z| <= 1e4 in three float types."""
        return health(self.pair)

    def false_claims(self) -> tuple[str, ...]:
        """What the loss or the activation claims when registered and what refutes it, a sentence each."""
        with jax.enable_x64(True):
            checks = [
                *loss_checks(self.pair.loss, decided_claims),
                *activation_checks(self.pair.activation, decided_claims),
            ]
        return tuple(f"{check.name}: {check.refutation}" for check in checks if check.refutation)

    def verdicts(self) -> tuple[str, ...]:
        """What a reader should know first, a sentence each, faults first."""
        return tuple(verdict.text for verdict in verdicts(self.facts))

    def show(self) -> None:
        """Print the card: verdicts in words, numbers below."""
        show_card(self)

    def _threshold(self, threshold: float | None) -> tuple[Curves, float]:
        """The table for a threshold, and the threshold; the end of the calibrated ones that it is taken for."""
        best = 0.0 if self.best_threshold is None else self.best_threshold
        at = settled(self.facts.calibration, best if threshold is None else number(threshold, "a threshold"))
        return (wide(self.pair) if abs(at) > self.facts.curves.scores[-1] else self.facts.curves), at

    plot = plotted

    def __repr__(self) -> str:
        """One line: the pair and its first verdict."""
        return f"<card of {self.pair.name}: {' '.join(self.verdicts()[:2])}>"

    def _repr_html_(self) -> str:
        """The verdicts as a list beside the curves, for a notebook."""
        said = "".join(f"<li>{html.escape(text)}</li>" for text in self.verdicts())
        return f"<b>{html.escape(self.pair.name)}</b>{picture_html(self)}<ul>{said}</ul>"


@guarded()
def card(activation: Any, loss: Any = None, *, prove: bool = False) -> Card:
    """Say what a pair is: everything that can be computed from the function alone.

    What its program proves or refutes is marked so in `Card.evidence`; what is left is measured.

    Args:
        activation: as in `pair`; also a pair, or a whole pair's name.
        loss: as in `pair`.
        prove: spend up to 20 s on each smooth piece of a curve where the default of 0.15 s leaves something open.

    Returns:
        The card; print it with `.show()`.

    Raises:
        ValueError: if a name is unknown, the pair is not admissible, or a parameter of it is being traced by JAX.

    Example:
        >>> import lossland as ll
        >>> c = ll.card("relu", "hinge")
        >>> c.convex, c.best_threshold, round(c.psi(0.5), 9)
        (PerClass(positive=False, negative=True), 0.5, 0.25)
        >>> print(" | ".join(c.as_sum_of_known))
        ramp | 1 + perceptron

    Source: the statistics follow Bartlett, Jordan & McAuliffe 2006 and Reid & Williamson 2010.
    """
    made = pair(activation, loss)
    if is_traced(made.activation, made.loss):
        raise ValueError(
            "A parameter of the pair is being traced by JAX (under jit, grad or vmap), and a card is computed from "
            "numbers. Make the card outside of the traced function, of a pair whose parameters are numbers."
        )
    return Card(facts(made, prove), evaluator(made))


@guarded()
def cards(chosen: Iterable[Any] | None = None, tick: Callable[[int, int], None] | None = None) -> tuple[Card, ...]:
    """The cards of many pairs.

    Args:
        chosen: pairs or their names; every admissible registered pair if left out.
        tick: called with (done, of) after each.

    Returns:
        The cards, in order.

    Example:
        >>> import lossland as ll
        >>> [c.proper for c in ll.cards(["identity+hinge", "sigmoid+brier"])]
        [False, True]
    """
    keep_compiled()
    if chosen is not None and not isinstance(chosen, Iterable):
        raise ValueError(f"chosen must be several pairs or their names, not {shown(chosen)}.")
    wanted = list(pairs() if chosen is None else chosen)
    return tuple(_counted(map(card, wanted), len(wanted), tick))


def _counted(made: Iterator[Card], of: int, tick: Callable[[int, int], None] | None) -> Iterator[Card]:
    for done, held in enumerate(made, 1):
        if tick is not None:
            tick(done, of)
        yield held


def _row(label: Any) -> int:
    held = number(label, "a label, -1 or +1,")
    if held not in LABELS:
        raise ValueError(f"A label is -1 or +1, not {label}; 2 * y - 1 makes them of labels 0 and 1.")
    return LABELS.index(held)


def _probabilities(eta: Any) -> np.ndarray:
    return numbers(eta, "eta, a probability P(t = +1)", 0.0, 1.0)
