"""The independent check finds every kind of broken roster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from allocator.errors import PlanVerificationError
from allocator.tpu.request import BoroughRequest, Override, RosterRules, Team, TpuRequest
from allocator.tpu.roster import RosterTask, TpuRoster
from allocator.tpu.tasking import roster_week
from allocator.tpu.verifier import verify_roster
from hotspots.assessment import RiskAssessment
from tests.oracle.plan_worlds import make_world

DAY = timedelta(days=1)
TEAMS = (Team("TPU-A", 1, 10), Team("TPU-B", 1, 10))
Break = Callable[[TpuRoster], TpuRoster]
Case = tuple[RiskAssessment, TpuRequest, TpuRoster, TpuRoster]


@pytest.fixture(scope="module")
def case() -> Case:
    """Return a roster with a staffed proposal and an override, and the one it follows."""
    assessment = make_world(4, n_boroughs=16)
    rules = RosterRules(least_teams_a_day=0)
    earlier = TpuRequest(assessment.as_of, 7, TEAMS, rules=rules)
    published = roster_week(assessment, earlier, seed=1)
    first = assessment.as_of + DAY
    code = assessment.boroughs[3].code
    altered = next(task for task in published.tasks if task.day == first)
    request = TpuRequest(
        first,
        7,
        TEAMS,
        rules=rules,
        requests=(
            BoroughRequest("R1", first + 3 * DAY, (code,), "an issue", "borough", "tactic_2"),
        ),
        overrides=(Override(first, altered.team_id, "rest", "a shooting", "Superintendent"),),
    )
    return (
        assessment,
        request,
        published,
        roster_week(assessment, request, seed=2, published=published),
    )


def change(number: int, **values: object) -> Break:
    """Return a fault: the values of one task changed; a negative number counts from the end."""

    def broken(roster: TpuRoster) -> TpuRoster:
        tasks = list(roster.tasks)
        tasks[number] = replace(tasks[number], **values)  # type: ignore[arg-type]  # by name
        return replace(roster, tasks=tuple(tasks))

    return broken


def operation(roster: TpuRoster) -> int:
    return next(n for n, task in enumerate(roster.tasks) if task.tactic != "mobile_patrol")


def _same_borough(roster: TpuRoster) -> TpuRoster:
    one, other = _pair(roster)
    return change(roster.tasks.index(other), borough=one.borough)(roster)


def _two_places(roster: TpuRoster) -> TpuRoster:
    one, other = _pair(roster)
    both = change(roster.tasks.index(one), inspectors=(1,))(roster)
    return change(roster.tasks.index(other), inspectors=(1,))(both)


def _pair(roster: TpuRoster) -> tuple[RosterTask, RosterTask]:
    for one in roster.tasks:
        for other in roster.tasks:
            if one.day == other.day and one.team_id < other.team_id:
                return one, other
    raise LookupError("no day with two teams")


def _no_rest(roster: TpuRoster) -> TpuRoster:
    """Put a team on duty on every day of its rest."""
    model = next(task for task in roster.tasks if task.team_id == "TPU-A" and not task.frozen)
    more = tuple(
        replace(
            model,
            day=rest.day,
            shift_start=f"{rest.day}T14:00:00+00:00",
            shift_end=f"{rest.day + DAY}T00:00:00+00:00",
        )
        for rest in roster.rest_days
        if rest.team_id == "TPU-A"
    )
    rests = tuple(rest for rest in roster.rest_days if rest.team_id != "TPU-A")
    return replace(roster, tasks=(*roster.tasks, *more), rest_days=rests)


FAULTS: dict[str, tuple[Break, str]] = {
    "authorised": (
        lambda r: change(operation(r), authority="not_required")(r),
        "tactic_2 of .* is not_required",
    ),
    "no fallback": (lambda r: change(operation(r), fallback=None)(r), "tactic_2 of .* is proposed"),
    "no leader": (lambda r: change(operation(r), inspectors=())(r), "has not the officers"),
    "uncalled tactic": (
        lambda r: change(operation(r), tactic="tactic_3")(r),
        "nobody proposed tactic_3",
    ),
    "authority for a patrol": (change(-1, authority="proposed"), "mobile patrol of"),
    "two places": (_two_places, "inspector 1 is in two places"),
    "second inspector": (change(-1, inspectors=(2,)), "inspector 2 is on"),
    "no sergeant": (change(-1, sergeants=0), "0 sergeants"),
    "missing day": (lambda r: replace(r, rest_days=r.rest_days[1:]), "every day exactly once"),
    "no rest": (_no_rest, "works|the teams work"),
    "other value": (change(-1, value=0.5), "the value of"),
    "other share": (change(-1, risk_share=0.5), "the risk_share of"),
    "other visit": (change(-1, visit_number=9), "is visit 9"),
    "unknown borough": (change(-1, borough="E09000001"), "not a patrolled borough"),
    "together": (_same_borough, "is visited on"),
    "shift moved": (change(-1, shift_start="2026-11-29T07:00:00+00:00"), "lasts from"),
    "thawed": (
        lambda r: change(next(n for n, t in enumerate(r.tasks) if t.frozen), frozen=False)(r),
        "it is frozen",
    ),
    "override hidden": (lambda r: replace(r, overrides=()), "records the overrides"),
    "override unsigned": (
        lambda r: replace(r, overrides=(replace(r.overrides[0], actor=" "),)),
        "without its reason or actor",
    ),
    "denied": (
        lambda r: replace(r, requests=(replace(r.requests[0], outcome="not_honoured"),)),
        "request R1 is said to be",
    ),
    "not staffed": (
        lambda r: replace(r, requests=(replace(r.requests[0], proposal="not_staffed"),)),
        "the proposal of R1",
    ),
    "request lost": (lambda r: replace(r, requests=()), "does not list the requests"),
    "objective": (lambda r: replace(r, objective=r.objective + 0.1), "objective is"),
    "bound": (lambda r: replace(r, bound=r.best_objective - 0.1), "above the bound"),
    "feasible": (lambda r: replace(r, status="feasible"), "is called feasible"),
    "price": (
        lambda r: replace(r, unpredictability=replace(r.unpredictability, price=0.3)),
        "price is",
    ),
    "epsilon": (
        lambda r: replace(
            r,
            best_objective=2 * r.objective,
            bound=2 * r.objective,
            unpredictability=replace(r.unpredictability, price=r.objective),
        ),
        "below the floor",
    ),
    "marking": (lambda r: replace(r, classification="UNMARKED"), "its classification is"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_found(case: Case, name: str) -> None:
    assessment, request, published, roster = case
    verify_roster(roster, assessment, request, published)
    fault, message = FAULTS[name]
    broken = fault(roster)
    assert broken != roster
    with pytest.raises(PlanVerificationError, match=message):
        verify_roster(broken, assessment, request, published)
