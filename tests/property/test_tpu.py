"""Random rosters keep every rule, answer what can be answered, and say why when they cannot."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocator.tpu.request import TpuInfeasibleError
from allocator.tpu.roster import document, from_document
from allocator.tpu.tasking import roster_week
from allocator.tpu.verifier import verify_roster
from hotspots.assessment import RiskAssessment
from tests.oracle.plan_worlds import make_world
from tests.oracle.tpu_requests import random_request


@pytest.fixture(scope="module")
def london() -> RiskAssessment:
    return make_world(2, n_boroughs=12)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_roster_passes_the_independent_check_or_names_what_clashes(
    london: RiskAssessment, seed: int
) -> None:
    request, published = random_request(london, np.random.default_rng(seed))
    try:
        roster = roster_week(london, request, seed=seed, published=published)
    except TpuInfeasibleError as refusal:
        assert "These clash: " in refusal.problem
        assert refusal.remedy
        return
    verify_roster(roster, london, request, published)
    assert roster.status == "optimal"
    for outcome in roster.requests:
        if outcome.outcome == "not_honoured":
            assert outcome.reason.startswith("Clashes with ")
            assert outcome.cost is None
        else:
            assert outcome.cost is not None
            assert outcome.cost >= 0
    again = json.loads(json.dumps(document(roster)))
    assert from_document(again) == roster
    assert roster_week(london, request, seed=seed, published=published) == roster


@settings(max_examples=4, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_request_left_out_never_lowers_the_best_and_its_cost_is_what_it_takes(
    london: RiskAssessment, seed: int
) -> None:
    request, published = random_request(london, np.random.default_rng(seed))
    request = replace(request, overrides=(), absences=())
    request = replace(
        request, requests=tuple(replace(one, proposed_tactic=None) for one in request.requests)
    )
    try:
        roster = roster_week(london, request, seed=1, published=published)
    except TpuInfeasibleError:
        return
    if any(one.outcome != "honoured" for one in roster.requests):
        return
    for number, outcome in enumerate(roster.requests):
        rest = request.requests[:number] + request.requests[number + 1 :]
        without = roster_week(london, replace(request, requests=rest), seed=1, published=published)
        assert outcome.cost == pytest.approx(
            without.best_objective - roster.best_objective, abs=1e-9
        )
