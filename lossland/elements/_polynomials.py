"""Polynomials with exact coefficients and exponents, which may be fractions and negative."""

from fractions import Fraction

Poly = tuple[tuple[Fraction, Fraction], ...]
"""Exponent and coefficient of each term, exponents rising; no coefficient is 0."""
UNIT: Poly = ((Fraction(0), Fraction(1)),)


def polynomial(terms: dict[Fraction, Fraction]) -> Poly:
    """The polynomial with these coefficients, by exponent."""
    return tuple(sorted((e, c) for e, c in terms.items() if c != 0))


def added(p: Poly, q: Poly, factor: Fraction = Fraction(1), shift: Fraction = Fraction(0)) -> Poly:
    """The sum p + factor x^shift q."""
    total = dict(p)
    for exponent, coefficient in q:
        total[exponent + shift] = total.get(exponent + shift, Fraction(0)) + factor * coefficient
    return polynomial(total)


def product(p: Poly, q: Poly) -> Poly:
    """The product p q."""
    total: Poly = ()
    for exponent, coefficient in q:
        total = added(total, p, coefficient, exponent)
    return total


def divided(p: Poly, q: Poly) -> tuple[Poly, Poly]:
    """Quotient and rest of p by q."""
    quotient: Poly = ()
    while p and p[-1][0] >= q[-1][0]:
        shift, factor = p[-1][0] - q[-1][0], p[-1][1] / q[-1][1]
        quotient = added(quotient, ((shift, factor),))
        p = added(p, q, -factor, shift)
    return quotient, p


def reduced(top: Poly, bottom: Poly) -> tuple[Poly, Poly]:
    """A quotient of two that are not 0 without what both have in common; the lower one then begins with 1."""
    shift = top[0][0] - bottom[0][0]
    top, bottom = (added((), p, shift=-p[0][0]) for p in (top, bottom))
    common, rest = top, bottom
    while rest:
        common, rest = rest, divided(common, rest)[1]
    top, bottom = divided(top, common)[0], divided(bottom, common)[0]
    first = 1 / bottom[0][1]
    return added((), top, first, shift), added((), bottom, first)
