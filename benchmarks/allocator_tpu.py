"""The roster of the Trojan Proactive Unit: time and proof, the price of surprise, many requests."""

from __future__ import annotations

import json
import os
import statistics
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from allocator.tpu.request import TpuInfeasibleError, TpuRequest
from allocator.tpu.roster import document
from allocator.tpu.tasking import roster_week
from allocator.tpu.verifier import verify_roster
from api.files.tpu_file import read_requests
from benchmarks.allocator_plan import COUNTS, london
from hotspots.assessment import RiskAssessment
from tests.oracle.tpu_requests import random_request

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "tpu.toml"
EXAMPLE_WEEK = date(2026, 11, 23)
RUNS = 20
EPSILONS = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1)
#: Set lower for a first look; the target is stated for 1,000.
REQUESTS = int(os.environ.get("ARV_TPU_REQUESTS", "1000"))


def run() -> str:
    """Return the figures of a week, of the draw and of random requests, on real counts."""
    if not COUNTS.is_file():
        return "allocator_tpu: the public test data (../shared/data) is not beside this checkout"
    assessment = london()
    return "\n".join([_week(assessment), _surprise(assessment), _random(assessment)])


def example(assessment: RiskAssessment) -> TpuRequest:
    """Return the example request with its dates moved to the assessment's week."""
    made = read_requests(EXAMPLE, first_day=assessment.as_of, n_days=7)
    later = assessment.as_of - EXAMPLE_WEEK
    return replace(
        made,
        requests=tuple(replace(one, day=one.day + later) for one in made.requests),
        absences=tuple(replace(one, day=one.day + later) for one in made.absences),
    )


def _week(assessment: RiskAssessment) -> str:
    request, spent_s, texts, rosters = example(assessment), [], set(), set()
    for number in range(RUNS):
        start_s = time.process_time()
        roster = roster_week(assessment, request, seed=1)
        spent_s.append(time.process_time() - start_s)
        texts.add(json.dumps(document(roster)))
        rosters.add(roster_week(assessment, request, seed=number).roster_id)
    return (
        f"TPU week: {roster.status}, objective {roster.objective:.4f}, best "
        f"{roster.best_objective:.4f}, gap {roster.gap:.4%}; CPU first {spent_s[0]:.2f} s, median "
        f"{statistics.median(spent_s):.2f} s, worst {max(spent_s):.2f} s (target 2 s), answers "
        f"and check included; {RUNS} runs of one seed gave {len(texts)} different rosters (target "
        f"1), {RUNS} seeds {len(rosters)}"
    )


def _surprise(assessment: RiskAssessment) -> str:
    """Price unpredictability: what is given up, and what an observer can still guess."""
    request = replace(example(assessment), requests=())
    rows = [
        "| epsilon | mean price | choices a team and day | best guess right |",
        "|---|---|---|---|",
    ]
    for epsilon in EPSILONS:
        draws = [
            roster_week(assessment, request, seed=seed, epsilon=epsilon).unpredictability
            for seed in range(5)
        ]
        price = statistics.mean(one.price for one in draws)
        choices = statistics.mean(one.effective_choices for one in draws)
        chance = max(one.highest_chance for one in draws)
        rows.append(f"| {epsilon:.1%} | {price:.4f} | {choices:.1f} | {chance:.0%} |")
    return "\n".join(rows)


def _random(assessment: RiskAssessment) -> str:
    passed, named, unproven, wishes, unmet, spent_s = 0, 0, 0, 0, 0, []
    for seed in range(REQUESTS):
        request, published = random_request(assessment, np.random.default_rng(seed))
        start_s = time.process_time()
        try:
            roster = roster_week(assessment, request, seed=seed, published=published)
        except TpuInfeasibleError as refusal:
            named += "These clash: " in refusal.problem
            spent_s.append(time.process_time() - start_s)
            continue
        spent_s.append(time.process_time() - start_s)
        verify_roster(roster, assessment, request, published)
        passed += 1
        unproven += roster.status != "optimal"
        wishes += len(roster.requests)
        unmet += sum(one.outcome != "honoured" for one in roster.requests)
    return (
        f"{REQUESTS} random requests: {passed} rosters passed the independent check, {named} "
        f"refused with the rules that clash, {REQUESTS - passed - named} neither (target 0); "
        f"{unproven} not proven best; {unmet} of {wishes} wishes not honoured, each with its "
        f"clash; CPU median {statistics.median(spent_s):.2f} s, worst {max(spent_s):.2f} s"
    )
