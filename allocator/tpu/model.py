"""The roster as a constraint model for CP-SAT, rule by rule, so that any rule can be left out.

    visit[t,d,b]  team t is in borough b on day d          duty[t,d] = sum_b visit[t,d,b]
    at[p,t,d]     post p (inspector, floating sergeant) goes with team t on day d
    level[b,k]    borough b is visited more than k times:  sum_k level[b,k] = sum_td visit[t,d,b]
    honour[r], staffed[r,t]   request r is met; team t can carry its proposed tactic

    first   maximise  1000 sum_r honour[r] + sum_rt staffed[r,t]
    then    maximise  sum_bk value[b,k] level[b,k]   without giving up any of the first

Values fall with k (diminishing return), so the levels fill from the first up by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ortools.sat.python import cp_model

from allocator.tpu.problem import Post, RosterProblem, Slot
from allocator.tpu.problem import posts_of as published_posts
from allocator.tpu.request import DAYS_OFF_WINDOW, MOBILE_PATROL

#: Weight of meeting one request beside staffing all proposals (there are at most 200).
HONOUR = 1_000

#: Rules of duty and spread by name, in the words of a conflict.
RULES = {
    "rest": "the hours of rest between shifts",
    "in_a_row": "the most days of duty in a row",
    "days_off": "the days off in any seven days",
    "least_teams": "the fewest teams on duty a day",
    "duty_difference": "the even share of duty between the teams",
    "sergeant": "a sergeant with every team",
    "constables": "the fewest constables with a team",
    "once_a_day": "one team in a borough a day",
    "most_visits": "the most visits to one borough",
    "between": "the days between two visits to a borough",
}

Worker = int | Post
Expression = cp_model.LinearExprT


@dataclass(frozen=True)
class RosterModel:
    """The model and the handles of its decisions."""

    cp: cp_model.CpModel
    visit: dict[tuple[int, int, int], cp_model.IntVar]
    duty: dict[Slot, cp_model.IntVar]
    at: dict[tuple[Post, int, int], cp_model.IntVar]
    honour: dict[int, cp_model.IntVar]
    staffed: dict[tuple[int, int], cp_model.IntVar]
    answered: Expression
    worth: Expression


def fixed_rule(slot: Slot) -> str:
    """Return the name of the rule that a slot stays as published or overridden."""
    return f"fixed {slot[0]} {slot[1]}"


def request_rule(number: int) -> str:
    """Return the name of the rule that a request is honoured."""
    return f"request {number}"


def proposal_rule(number: int) -> str:
    """Return the name of the rule that a request's proposed tactic is staffed."""
    return f"proposal {number}"


def same_day(problem: RosterProblem, name: str, other: str) -> bool:
    """Return whether two request or proposal rules are about the same day."""
    one, two = (_day(problem, int(text.split()[1])) for text in (name, other))
    return one == two


def build_model(
    problem: RosterProblem,
    *,
    without: frozenset[str] = frozenset(),
    must: Iterable[str] = (),
    valued: bool = True,
) -> RosterModel:
    """Build the model.

    Parameters
    ----------
    problem
        The facts.
    without
        Names of rules to leave out.
    must
        Names of request and proposal rules to keep as constraints.
    valued
        Whether the worth of the visits is needed; without it, it is 0.
    """
    cp = cp_model.CpModel()
    teams, days, boroughs = range(len(problem.teams)), range(len(problem.days)), problem.codes
    visit = {
        (t, d, b): cp.new_bool_var(f"visit_{t}_{d}_{b}")
        for t in teams
        for d in days
        for b in range(len(boroughs))
    }
    duty = {(t, d): cp.new_bool_var(f"duty_{t}_{d}") for t in teams for d in days}
    at = {
        (p, t, d): cp.new_bool_var(f"at_{p.rank}{p.number}_{t}_{d}")
        for p in problem.posts
        for t in teams
        for d in days
    }
    for (t, d), on in duty.items():
        cp.add(sum(visit[t, d, b] for b in range(len(boroughs))) == on)
    for p in problem.posts:
        for d in days:
            cp.add(sum(at[p, t, d] for t in teams) <= int(problem.present[p, d]))
            for t in teams:
                cp.add_implication(at[p, t, d], duty[t, d])
    honour, staffed = _answers(cp, problem, visit, at)
    model = RosterModel(
        cp=cp,
        visit=visit,
        duty=duty,
        at=at,
        honour=honour,
        staffed=staffed,
        answered=sum(HONOUR * met for met in honour.values()) + sum(staffed.values()),
        worth=_worth(cp, problem, visit, without) if valued else 0,
    )
    _add_rules(model, problem, without)
    _add_must(model, set(must))
    return model


def _worth(
    cp: cp_model.CpModel,
    problem: RosterProblem,
    visit: dict[tuple[int, int, int], cp_model.IntVar],
    without: frozenset[str],
) -> Expression:
    most = len(problem.slots)
    if "most_visits" not in without:
        most = min(most, problem.request.rules.most_visits)
    variables, values = [], []
    for b in range(len(problem.codes)):
        levels = [cp.new_bool_var(f"level_{b}_{k}") for k in range(most)]
        cp.add(sum(levels) == sum(visit[t, d, b] for t, d in problem.slots))
        before = len(problem.past_visits[b])
        variables += levels
        values += [problem.points(b, before + k) for k in range(most)]
    return cp_model.LinearExpr.weighted_sum(variables, values)


def _answers(
    cp: cp_model.CpModel,
    problem: RosterProblem,
    visit: dict[tuple[int, int, int], cp_model.IntVar],
    at: dict[tuple[Post, int, int], cp_model.IntVar],
) -> tuple[dict[int, cp_model.IntVar], dict[tuple[int, int], cp_model.IntVar]]:
    position = {code: number for number, code in enumerate(problem.codes)}
    honour, staffed = {}, {}
    for r, one in enumerate(problem.request.requests):
        d = problem.days.index(one.day)
        there = {
            t: sum(visit[t, d, position[code]] for code in one.boroughs)
            for t in range(len(problem.teams))
        }
        honour[r] = cp.new_bool_var(f"honour_{r}")
        cp.add(honour[r] <= sum(there.values()))
        need = problem.needs.get(one.proposed_tactic or MOBILE_PATROL)
        if need is None:
            continue
        for t, visits in there.items():
            able = cp.new_bool_var(f"staffed_{r}_{t}")
            staffed[r, t] = able
            cp.add(able <= visits)
            _add_need(cp, able, need.inspectors, _posts(problem, at, "inspector", t, d))
            floating = _posts(problem, at, "sergeant", t, d)
            _add_need(cp, able, need.sergeants - problem.sergeants[t, d], floating)
            if problem.constables[t, d] < need.constables:
                cp.add(able == 0)
        cp.add(sum(staffed[r, t] for t in there) <= honour[r])
    for slot in problem.slots:
        here = [able for (r, t), able in staffed.items() if (t, _day(problem, r)) == slot]
        cp.add_at_most_one(here)
    return honour, staffed


def _day(problem: RosterProblem, request: int) -> int:
    return problem.days.index(problem.request.requests[request].day)


def _posts(
    problem: RosterProblem,
    at: dict[tuple[Post, int, int], cp_model.IntVar],
    rank: str,
    t: int,
    d: int,
) -> list[cp_model.IntVar]:
    return [at[p, t, d] for p in problem.posts if p.rank == rank]


def _add_need(
    cp: cp_model.CpModel,
    able: cp_model.IntVar,
    wanted: int,
    posts: list[cp_model.IntVar],
) -> None:
    if wanted > len(posts):
        cp.add(able == 0)
    elif wanted > 0:
        cp.add(sum(posts) >= wanted).only_enforce_if(able)


def _add_rules(model: RosterModel, problem: RosterProblem, without: frozenset[str]) -> None:
    add = {
        "rest": _add_rest,
        "in_a_row": _add_in_a_row,
        "days_off": _add_days_off,
        "least_teams": _add_least_teams,
        "duty_difference": _add_duty_difference,
        "sergeant": _add_sergeant,
        "constables": _add_constables,
        "once_a_day": _add_once_a_day,
        "most_visits": _add_most_visits,
        "between": _add_between,
    }
    for name, rule in add.items():
        if name not in without:
            rule(model, problem)
    for slot in problem.fixed:
        if fixed_rule(slot) not in without:
            _add_fixed(model, problem, slot)


def _add_must(model: RosterModel, must: set[str]) -> None:
    for r, met in model.honour.items():
        if request_rule(r) in must:
            model.cp.add(met == 1)
        if proposal_rule(r) in must:
            model.cp.add(sum(able for (q, _), able in model.staffed.items() if q == r) >= 1)


def _add_fixed(model: RosterModel, problem: RosterProblem, slot: Slot) -> None:
    fixed, (t, d) = problem.fixed[slot], slot
    if fixed.borough is None:
        model.cp.add(model.duty[slot] == 0)
        return
    model.cp.add(model.visit[t, d, fixed.borough] == 1)
    if fixed.task is None:
        return
    with_it = set(published_posts(fixed.task))
    for p in problem.posts:
        if problem.present[p, d]:
            model.cp.add(model.at[p, t, d] == int(p in with_it))


def _add_rest(model: RosterModel, problem: RosterProblem) -> None:
    for t, d, other in problem.tired:
        if t == other:
            before = model.duty[t, d] if d >= 0 else int(d in problem.past_duty[t])
            model.cp.add(before + model.duty[t, d + 1] <= 1)
        for p in problem.posts:
            eve = int(problem.past_with.get((p, d)) == t)
            earlier = model.at[p, t, d] if d >= 0 else eve
            model.cp.add(earlier + model.at[p, other, d + 1] <= 1)


def _add_in_a_row(model: RosterModel, problem: RosterProblem) -> None:
    most = problem.request.rules.most_days_in_a_row
    _add_windows(model, problem, most + 1, most)


def _add_days_off(model: RosterModel, problem: RosterProblem) -> None:
    most = DAYS_OFF_WINDOW - problem.request.rules.days_off
    _add_windows(model, problem, DAYS_OFF_WINDOW, most)


def _add_windows(model: RosterModel, problem: RosterProblem, length: int, most: int) -> None:
    """Let every team and post work at most ``most`` of any ``length`` days in a row."""
    teams = range(len(problem.teams))
    workers: list[Worker] = [*teams, *problem.posts]
    for worker in workers:
        for last in range(len(problem.days)):
            window = range(last - length + 1, last + 1)
            past = sum(d in problem.past_duty[worker] for d in window if d < 0)
            ahead = [d for d in window if d >= 0]
            work: Expression
            if isinstance(worker, Post):
                work = sum(model.at[worker, t, d] for t in teams for d in ahead)
            else:
                work = sum(model.duty[worker, d] for d in ahead)
            if past + len(ahead) > most:
                model.cp.add(work <= max(0, most - past))


def _add_least_teams(model: RosterModel, problem: RosterProblem) -> None:
    for d in range(len(problem.days)):
        on_duty = sum(model.duty[t, d] for t in range(len(problem.teams)))
        model.cp.add(on_duty >= problem.request.rules.least_teams_a_day)


def _add_duty_difference(model: RosterModel, problem: RosterProblem) -> None:
    days, most = range(len(problem.days)), problem.request.rules.most_duty_difference
    worked = [sum(model.duty[t, d] for d in days) for t in range(len(problem.teams))]
    for one in worked:
        for other in worked:
            if one is not other:
                model.cp.add(one - other <= most)


def _add_sergeant(model: RosterModel, problem: RosterProblem) -> None:
    for (t, d), on in model.duty.items():
        if problem.sergeants[t, d] < 1:
            floating = _posts(problem, model.at, "sergeant", t, d)
            model.cp.add(on <= sum(floating))


def _add_constables(model: RosterModel, problem: RosterProblem) -> None:
    for slot, on in model.duty.items():
        if problem.constables[slot] < problem.request.rules.least_constables:
            model.cp.add(on == 0)


def _add_once_a_day(model: RosterModel, problem: RosterProblem) -> None:
    for d in range(len(problem.days)):
        for b in range(len(problem.codes)):
            model.cp.add_at_most_one(model.visit[t, d, b] for t in range(len(problem.teams)))


def _add_most_visits(model: RosterModel, problem: RosterProblem) -> None:
    for b in range(len(problem.codes)):
        visits = sum(model.visit[t, d, b] for t, d in problem.slots)
        model.cp.add(visits <= problem.request.rules.most_visits)


def _add_between(model: RosterModel, problem: RosterProblem) -> None:
    """Allow one day of visits to a borough in any ``days_between_visits`` + 1 days."""
    apart = problem.request.rules.days_between_visits
    for b in range(len(problem.codes)):
        for last in range(len(problem.days)):
            for first in range(last - apart, last):
                for t in range(len(problem.teams)):
                    if first < 0:
                        if first in problem.past_visits[b]:
                            model.cp.add(model.visit[t, last, b] == 0)
                        continue
                    for o in range(len(problem.teams)):
                        model.cp.add_at_most_one(model.visit[o, first, b], model.visit[t, last, b])
