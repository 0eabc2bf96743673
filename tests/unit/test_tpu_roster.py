"""Duty, rest, posts and prices of the roster on hand-made cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from allocator.tpu.request import (
    Absence,
    BoroughRequest,
    Establishment,
    RosterRules,
    Team,
    TpuRequest,
)
from allocator.tpu.roster import RosterTask
from allocator.tpu.tasking import roster_week
from hotspots.assessment import RiskAssessment
from tests.oracle.plan_worlds import make_world

DAY = timedelta(days=1)
TEAMS = (Team("TPU-A", 1, 10), Team("TPU-B", 1, 10))


@pytest.fixture(scope="module")
def world() -> RiskAssessment:
    return make_world(3, n_boroughs=14)


def days_of(tasks: Iterable[RosterTask], team_id: str) -> set[date]:
    return {task.day for task in tasks if task.team_id == team_id}


def test_the_night_the_clocks_go_forward_is_an_hour_shorter(world: RiskAssessment) -> None:
    spring = replace(world, as_of=date(2027, 3, 22))
    rules = RosterRules(shift_hours=10, rest_hours=14, days_off=0, most_days_in_a_row=7)
    roster = roster_week(spring, TpuRequest(spring.as_of, 7, TEAMS, rules=rules), seed=1)
    short = {date(2027, 3, 27), date(2027, 3, 28)}
    for team in TEAMS:
        assert not short <= days_of(roster.tasks, team.team_id)
    shorter = replace(rules, rest_hours=13)
    roster = roster_week(spring, TpuRequest(spring.as_of, 7, TEAMS, rules=shorter), seed=1)
    assert len(roster.tasks) == 14
    sunday = next(task for task in roster.tasks if task.day == date(2027, 3, 28))
    assert sunday.shift_start == "2027-03-28T14:00:00+01:00"


def test_the_inspector_rests_between_teams_with_other_hours(world: RiskAssessment) -> None:
    teams = (Team("TPU-A", 1, 10, time(7)), Team("TPU-B", 1, 10, time(18)))
    rules = RosterRules(days_off=0, most_days_in_a_row=7)
    roster = roster_week(world, TpuRequest(world.as_of, 7, teams, rules=rules), seed=1)
    with_whom = {task.day: task.team_id for task in roster.tasks if task.inspectors}
    assert len(with_whom) == 7
    for day, team_id in with_whom.items():
        assert (team_id, with_whom.get(day + DAY)) != ("TPU-B", "TPU-A")


def test_two_operations_on_a_day_need_two_inspectors(world: RiskAssessment) -> None:
    codes = [borough.code for borough in world.boroughs]
    requests = tuple(
        BoroughRequest(f"R{n}", world.as_of, (codes[n],), "an issue", "borough", "tactic_2")
        for n in range(2)
    )
    request = TpuRequest(world.as_of, 3, TEAMS, requests=requests)
    one = roster_week(world, request, seed=1)
    assert Counter(r.proposal for r in one.requests) == {"staffed": 1, "not_staffed": 1}
    assert {r.outcome for r in one.requests} == {"honoured"}
    (short,) = [r for r in one.requests if r.proposal == "not_staffed"]
    assert "the officers for the tactic proposed in request" in short.reason
    two = replace(request, establishment=Establishment(inspectors=2))
    assert {r.proposal for r in roster_week(world, two, seed=1).requests} == {"staffed"}


def test_a_floating_sergeant_covers_an_absence_or_the_team_stays_in(
    world: RiskAssessment,
) -> None:
    rules = RosterRules(days_off=0, most_days_in_a_row=7)
    absent = Absence(world.as_of, "training", "TPU-A", sergeants=1)
    request = TpuRequest(world.as_of, 2, TEAMS, rules=rules, absences=(absent,))
    covered = roster_week(world, request, seed=1)
    task = next(t for t in covered.tasks if (t.day, t.team_id) == (world.as_of, "TPU-A"))
    assert (task.sergeants, task.floating_sergeants) == (1, (1,))
    none_floats = replace(request, establishment=Establishment(sergeants=2))
    alone = roster_week(world, none_floats, seed=1)
    assert world.as_of not in days_of(alone.tasks, "TPU-A")


def test_a_repeat_visit_is_worth_less_and_goes_on_down_the_list() -> None:
    world = make_world(3, n_boroughs=2, wards_each=6)
    rules = RosterRules(days_between_visits=0, most_visits=4, repeat_return=0.25, focus_wards=2)
    teams = (TEAMS[0],)
    request = TpuRequest(world.as_of, 4, teams, Establishment(1, 1, 10), rules)
    roster = roster_week(world, request, seed=1, epsilon=0.0)
    rates = {ward.code: ward.expected_per_week for ward in world.wards}
    for borough in roster.boroughs:
        own = sorted((t for t in roster.tasks if t.borough == borough.code), key=lambda t: t.day)
        assert [task.visit_number for task in own] == list(range(1, len(own) + 1))
        named = [code for task in own for code in task.focus_wards]
        assert [rates[code] for code in named] == sorted((rates[c] for c in named), reverse=True)
        for number, task in enumerate(own):
            assert task.value == pytest.approx(borough.risk_share * 0.25**number, abs=1e-6)


def test_harm_counts_when_it_is_the_target(world: RiskAssessment) -> None:
    last = world.boroughs[-1]
    harm = tuple(
        replace(one, expected_per_week=1.0 if one.code == last.code else 1e-3, contributions=())
        for one in world.boroughs
    )
    both = replace(world, harm_boroughs=harm, harm_wards=world.wards)
    rules = RosterRules(target="harm")
    roster = roster_week(both, TpuRequest(world.as_of, 7, TEAMS, rules=rules), seed=1)
    assert last.code in {task.borough for task in roster.tasks}
    assert max(task.risk_share for task in roster.tasks) > 0.9


def test_what_requests_and_frozen_days_cost_is_said(world: RiskAssessment) -> None:
    free = roster_week(world, TpuRequest(world.as_of, 7, TEAMS), seed=1)
    poorest = min(world.boroughs, key=lambda one: one.expected_per_week).code
    wish = BoroughRequest("R1", world.as_of + 4 * DAY, (poorest,), "an issue", "verano")
    asked = roster_week(world, TpuRequest(world.as_of, 7, TEAMS, requests=(wish,)), seed=1)
    cost = free.best_objective - asked.best_objective
    assert cost > 0
    assert asked.requests[0].cost == pytest.approx(cost, abs=1e-9)
    assert any(f"together cost {cost:.4f}" in note for note in asked.notes)
    frozen = roster_week(world, TpuRequest(world.as_of, 7, TEAMS), seed=2, published=asked)
    assert any("fixed inside the lead cost" in note for note in frozen.notes)


def test_zero_days_of_duty_are_a_roster_too(world: RiskAssessment) -> None:
    teams = (Team("TPU-A", 1, 10, days_in_a_row=3),)
    rules = RosterRules(most_days_in_a_row=3, days_off=4, least_teams_a_day=0)
    request = TpuRequest(world.as_of, 1, teams, Establishment(1, 1, 10), rules)
    roster = roster_week(world, request, seed=1)
    assert (roster.tasks, roster.objective, roster.gap) == ((), 0.0, 0.0)
    assert roster.status == "optimal"


def test_a_published_proposal_stays_proposed_while_its_officers_are_there(
    world: RiskAssessment,
) -> None:
    wish = BoroughRequest(
        "R1", world.as_of + DAY, (world.boroughs[2].code,), "an issue", "borough", "tactic_3"
    )
    plain = TpuRequest(world.as_of, 7, TEAMS)
    published = roster_week(world, replace(plain, requests=(wish,)), seed=1)
    (before,) = [task for task in published.tasks if task.tactic == "tactic_3"]
    later = roster_week(world, plain, seed=2, published=published)
    (kept,) = [task for task in later.tasks if task.tactic != "mobile_patrol"]
    assert (kept.day, kept.team_id, kept.frozen) == (before.day, before.team_id, True)
    assert (kept.tactic, kept.authority, kept.fallback) == ("tactic_3", "proposed", "mobile_patrol")
    away = replace(plain, absences=(Absence(before.day, "training", inspectors=1),))
    softened = roster_week(world, away, seed=2, published=published)
    assert {task.tactic for task in softened.tasks} == {"mobile_patrol"}


def test_a_request_inside_the_lead_is_met_only_where_the_roster_goes_anyway(
    world: RiskAssessment,
) -> None:
    published = roster_week(world, TpuRequest(world.as_of, 7, TEAMS), seed=1)
    task = next(task for task in published.tasks if task.day == world.as_of)
    visited = {one.borough for one in published.tasks}
    other = next(one.code for one in world.boroughs if one.code not in visited)
    wishes = (
        BoroughRequest("R1", world.as_of, (task.borough,), "an issue", "borough"),
        BoroughRequest("R2", world.as_of, (other,), "an issue", "borough"),
    )
    request = TpuRequest(world.as_of, 7, TEAMS, requests=wishes)
    roster = roster_week(world, request, seed=2, published=published)
    met, unmet = roster.requests
    assert (met.outcome, met.team_id, met.cost) == ("honoured", task.team_id, 0.0)
    assert unmet.outcome == "not_honoured"
    assert (
        f"{task.team_id} on {world.as_of} frozen as published: {task.borough_name}" in unmet.reason
    )
