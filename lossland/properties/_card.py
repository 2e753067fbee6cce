"""Cards: what a pair is, computed from the function alone. `card(activation, loss)` for one, `cards()` for all.

A card holds the pair's facts (`Facts`), functions of them (risk, psi, conjugate, link, ...) and verdicts in words.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from lossland.core import keep_compiled
from lossland.curves import LABELS, Interval, Kink, evaluator
from lossland.elements import Pair, activation_checks, loss_checks, pair, pairs
from lossland.properties import _links, _psi_transform
from lossland.properties._autodiff import Health, Tied, health, ties
from lossland.properties._calibration import includes
from lossland.properties._conjugate import closed_form, conjugate, proximal
from lossland.properties._facts import Facts, PerClass, dead, facts
from lossland.properties._report import show_card
from lossland.properties._risk import minimum
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

    def conjugate(self, u: Any, label: float = 1.0) -> Any:
        r"""The Fenchel conjugate :math:`f^*(u) = \sup_z u z - f(z)` of a class curve; inf off its domain.

        Args:
            u: slopes, any shape.
            label: whose curve, -1 or +1; for a margin loss +1 gives phi*.

        Returns:
            The values, shaped as u; `properties._conjugate` has their error bounds.
        """
        return _shaped(conjugate(self.facts.curves, _row(label), self._evaluate, np.ravel(u)).value, u)

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
            The minimisers, shaped as v.

        Raises:
            ValueError: if the curve is not convex or gamma is not positive.
        """
        row = _row(label)
        if not self.facts.shapes[row].convex:
            bends = self.facts.shapes[row].refutes_convexity
            raise ValueError(
                f"{self.pair.name} is not convex for t = {label:+g} (it bends down at z = {bends:.4g}): its proximal "
                f"operator is not a function. `smoothed` and `prox` need a convex curve."
            )
        if not gamma > 0:
            raise ValueError(f"The step gamma must be positive, not {gamma}.")
        return _shaped(proximal(self.facts.curves, row, self._evaluate, np.ravel(v), gamma).point, v)

    def conditional_risk(self, score: Any, eta: float) -> Any:
        """The conditional risk C(z) = eta positive(z) + (1 - eta) negative(z), shaped as score."""
        weight = float(_probabilities(eta)[0])
        with np.errstate(invalid="ignore"):
            positive, negative = self.facts.curves.at(np.ravel(score))
            terms = [0.0 if w == 0 else w * row for w, row in ((weight, positive), (1 - weight, negative))]
        return _shaped(terms[0] + terms[1] + np.zeros_like(positive), score)

    def risk(self, eta: Any) -> Any:
        """The minimal conditional risk H(eta), eta = P(t = +1 | x), shaped as eta."""
        return _shaped(minimum(self.facts.curves, _probabilities(eta)).value, eta)

    def minimiser(self, eta: Any) -> Any:
        """A score f*(eta) of least conditional risk: the middle or the finite end of several, +-inf if only a limit."""
        return _shaped(minimum(self.facts.curves, _probabilities(eta)).at, eta)

    def psi(self, theta: Any, threshold: float | None = None) -> Any:
        """Bound the excess error of the rule z > threshold: the psi-transform of it is at most the excess risk.

        Args:
            theta: excess errors in [0, 1], any shape.
            threshold: the best one if left out (0 if none is calibrated).

        Returns:
            psi, shaped as theta.
        """
        return _shaped(_psi_transform.psi(self.facts.curves, np.ravel(theta), self._threshold(threshold)), theta)

    def excess_error(self, risk: Any, threshold: float | None = None) -> Any:
        """The largest excess 0-1 error that a given excess risk allows, the inverse of psi, shaped as risk."""
        return _shaped(_psi_transform.excess_error(self.facts.curves, np.ravel(risk), self._threshold(threshold)), risk)

    def calibrated(self, threshold: float = 0.0) -> bool:
        """Whether the rule z > threshold is classification-calibrated: risk to its least implies error to its least."""
        return includes(self.facts.calibration, float(threshold))

    def link(self, score: Any) -> Any:
        """The probability at which each score minimises the risk, the slope ratio; NaN where neither curve moves.

        It is an inverse link, strictly increasing, exactly if `facts.elicits`.
        """
        return _shaped(_links.slope_ratio(self.facts.curves, np.ravel(score)), score)

    def matching_loss(self, score: Any, target: Any) -> Any:
        """The matching loss of the pair's activation at a score for a target output; see `_links.matching_loss`."""
        shape = np.broadcast(np.asarray(score), np.asarray(target))
        return _shaped(_links.matching_loss(self.pair.activation, score, target).ravel(), np.empty(shape.shape))

    def convexity_band(self, output: Any) -> tuple[np.ndarray, np.ndarray]:
        """Between which bounds g'' / g'^2 must lie at an output for the loss to be convex in z; see `_links`."""
        return _links.convexity_band(self.pair.loss, output)

    def weight(self, score: Any, label: float) -> Any:
        """The gradient weight - d loss / d margin of an example of one class at each score, shaped as score."""
        row = _row(label)
        return _shaped(-label * self.facts.curves.at(np.ravel(score), 1)[row], score)

    def dead(self, label: float, threshold: float = 0.0) -> tuple[Interval, ...]:
        """Where a misclassified example of one class has gradient weight zero, as intervals of the score."""
        return dead(self.facts.shapes[_row(label)], label, threshold)

    def ties(self) -> tuple[Tied, ...]:
        """Which slope autodiff returns at each kink under each tie."""
        return ties(self.pair, self.kinks)

    def health(self) -> tuple[Health, ...]:
        """Whether value, slope and curvature are finite over |z| <= 1e4 in three float types."""
        return health(self.pair)

    def false_claims(self) -> tuple[str, ...]:
        """What the loss or the activation claims when registered and what refutes it, a sentence each."""
        with jax.enable_x64(True):
            checks = [*loss_checks(self.pair.loss), *activation_checks(self.pair.activation)]
        return tuple(f"{check.name}: {check.refutation}" for check in checks if check.refutation)

    def verdicts(self) -> tuple[str, ...]:
        """What a reader should know first, a sentence each, faults first."""
        return tuple(verdict.text for verdict in verdicts(self.facts))

    def show(self) -> None:
        """Print the card: verdicts in words, numbers below."""
        show_card(self)

    def _threshold(self, threshold: float | None) -> float:
        best = 0.0 if self.best_threshold is None else self.best_threshold
        return best if threshold is None else float(threshold)

    def __repr__(self) -> str:
        """One line: the pair and its first verdict."""
        return f"<card of {self.pair.name}: {' '.join(self.verdicts()[:2])}>"


def card(activation: Any, loss: Any = None) -> Card:
    """Say what a pair is: everything that can be computed from the function alone.

    Args:
        activation: as in `pair`; also a pair, or a whole pair's name.
        loss: as in `pair`.

    Returns:
        The card; print it with `.show()`.

    Raises:
        ValueError: if a name is unknown or the pair is not admissible.

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
    return Card(facts(made), evaluator(made))


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
    wanted = list(pairs() if chosen is None else chosen)
    return tuple(_counted(map(card, wanted), len(wanted), tick))


def _counted(made: Iterator[Card], of: int, tick: Callable[[int, int], None] | None) -> Iterator[Card]:
    for number, each in enumerate(made, 1):
        if tick is not None:
            tick(number, of)
        yield each


def _row(label: float) -> int:
    if label not in LABELS:
        raise ValueError(f"A label is -1 or +1, not {label}.")
    return LABELS.index(label)


def _probabilities(eta: Any) -> np.ndarray:
    flat = np.ravel(np.asarray(eta, float))
    if not np.all((flat >= 0) & (flat <= 1)):
        raise ValueError(f"eta is a probability in [0, 1], not {flat[~((flat >= 0) & (flat <= 1))][0]}.")
    return flat


def _shaped(values: np.ndarray, like: Any) -> Any:
    """Values in the shape of what was asked for; a number for a number."""
    shape = np.shape(like)
    return float(values[0]) if shape == () else values.reshape(shape)
