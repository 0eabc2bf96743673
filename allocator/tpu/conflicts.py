"""Why a roster or a request is impossible: an irreducible set of rules that clash.

A deletion filter (Chinneck and Dravnieks 1991): leave out one rule after another and put back
only those without which a roster exists. Every rule that is left is needed for the clash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from allocator.tpu.model import RULES, fixed_rule, proposal_rule, request_rule, same_day
from allocator.tpu.problem import RosterProblem, Slot
from allocator.tpu.request import TpuInfeasibleError
from allocator.tpu.solve import feasible

#: Shortages named in a message.
SHOWN = 3


def clash(
    problem: RosterProblem, *, goal: str | None, beside: Sequence[str], time_limit_s: float
) -> tuple[str, ...]:
    """Return rules and answers that rule a goal out, all of them needed; none when possible.

    Whole groups are left out first (rules of duty, answers of other days, frozen days), which
    settles most cases in a few solves; then one after another of what is left.

    Parameters
    ----------
    problem
        The facts.
    goal
        Name of a request or proposal rule that must hold, or None for any roster at all.
    beside
        Names of request and proposal rules that hold beside it.
    time_limit_s
        Seconds for each of the solves.
    """
    wanted = [goal] if goal else []
    dropped: set[str] = set()

    def possible(without: set[str]) -> bool:
        kept = [*wanted, *(name for name in beside if name not in without)]
        return feasible(problem, without=frozenset(without), must=kept, time_limit_s=time_limit_s)

    if possible(dropped):
        return ()
    fixed = [fixed_rule(slot) for slot in problem.fixed]
    elsewhere = [name for name in beside if goal and not same_day(problem, name, goal)]
    for group in ([*RULES], elsewhere, fixed):
        if group and not possible(dropped | set(group)):
            dropped |= set(group)
    for name in (*RULES, *reversed(beside), *fixed):
        if name not in dropped and not possible(dropped | {name}):
            dropped.add(name)
    return tuple(name for name in (*beside, *fixed, *reversed(RULES)) if name not in dropped)


def refuse_infeasible(problem: RosterProblem, time_limit_s: float) -> TpuInfeasibleError:
    """Return the refusal of a request that no roster keeps, naming the rules that clash."""
    names = clash(problem, goal=None, beside=(), time_limit_s=time_limit_s)
    words = "; ".join(rule_words(problem, name) for name in names)
    return TpuInfeasibleError(
        f"no roster keeps all rules. These clash: {words or 'the officers present'}",
        remedy="relax one of them: a frozen day by an override, a rule in the request file",
    )


def rule_words(problem: RosterProblem, name: str) -> str:
    """Return a rule in the words of a planner, with its value."""
    rules, request = problem.request.rules, problem.request
    for number, one in enumerate(request.requests):
        if name == request_rule(number):
            return f"request {one.request_id}"
        if name == proposal_rule(number):
            return f"the officers for the tactic proposed in request {one.request_id}"
    for slot, fixed in problem.fixed.items():
        if name == fixed_rule(slot):
            where = "a day off" if fixed.borough is None else problem.names[fixed.borough]
            how = "overridden to" if fixed.overridden else "frozen as published:"
            team = problem.teams[slot[0]].team_id
            return f"{team} on {problem.days[slot[1]]} {how} {where}"
    values = {
        "rest": f"{rules.rest_hours:g} h after a shift of {rules.shift_hours:g} h",
        "in_a_row": f"{rules.most_days_in_a_row}",
        "days_off": f"{rules.days_off}",
        "least_teams": f"{rules.least_teams_a_day}",
        "duty_difference": f"at most {rules.most_duty_difference} days apart",
        "sergeant": f"never without one{_short(problem, problem.sergeants, 1)}",
        "constables": f"{rules.least_constables}"
        f"{_short(problem, problem.constables, rules.least_constables)}",
        "once_a_day": "no two together",
        "most_visits": f"{rules.most_visits}",
        "between": f"{rules.days_between_visits}",
    }
    return f"{RULES[name]} ({values[name]})"


def _short(problem: RosterProblem, present: Mapping[Slot, int], least: int) -> str:
    """Name the teams and days on which too few of a team's own officers are present."""
    short = [
        f"; {problem.teams[t].team_id} has {present[t, d]} of its own on {problem.days[d]}"
        for t, d in problem.slots
        if present[t, d] < least
    ]
    return "".join(short[:SHOWN]) + ("; and others" if len(short) > SHOWN else "")
