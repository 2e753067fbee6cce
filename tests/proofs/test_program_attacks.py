"""Random programs: no claim on any of them has a counterexample."""

import functools

import pytest
from hypothesis import HealthCheck, given, settings

from tests.proofs import attacks, cases, programs

QUIET = settings(
    derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=False
)
decided, asked = {}, {}


def attacked(tree):
    """Read a tree as a loss and hold its claims against it."""
    claims, pieces = cases.claims_on(functools.partial(programs.as_jax, tree))
    reach = 100 if programs.operations(tree) & {"exp"} else 1e30
    attacks.attack(
        claims, pieces, attacks.Curve(functools.partial(programs.as_jet, tree), programs.places(tree), reach)
    )
    return claims


@given(programs.TREES)
@settings(QUIET, max_examples=8)
def test_no_claim_on_a_program_has_a_counterexample(tree):
    attacked(tree)


@pytest.mark.exhaustive
@given(programs.TREES)
@settings(QUIET, max_examples=300)
def test_no_claim_on_many_programs_has_a_counterexample(tree):
    attacked(tree)
