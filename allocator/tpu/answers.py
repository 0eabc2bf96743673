"""What became of every request: honoured at what cost, or what it clashes with."""

from __future__ import annotations

from dataclasses import dataclass, replace

from allocator.tpu.conflicts import clash, rule_words
from allocator.tpu.model import proposal_rule, request_rule
from allocator.tpu.problem import POINTS, RosterProblem, Slot
from allocator.tpu.request import MOBILE_PATROL, BoroughRequest
from allocator.tpu.roster import Proposal, RequestOutcome
from allocator.tpu.solve import Best, Roster, solve_worth

UNPROVEN = "the time limit ended the search before it could be met or ruled out"


@dataclass(frozen=True)
class Prices:
    """What all requests together, and the days fixed inside the lead, take from the objective.

    None where there are no honoured requests, or no fixed days.
    """

    requests: float | None
    lead: float | None


def prices(problem: RosterProblem, best: Best, *, time_limit_s: float) -> Prices:
    """Price the requests together, and the fixed days, against the best roster without them."""
    requests = lead = None
    if best.roster.honoured:
        free = solve_worth(problem, must=(), time_limit_s=time_limit_s)
        requests = max(0, free - best.points) / POINTS
    if problem.fixed:
        free = solve_worth(
            replace(problem, fixed={}),
            must=answered_rules(best.roster),
            time_limit_s=time_limit_s,
        )
        lead = max(0, free - best.points) / POINTS
    return Prices(requests, lead)


def answered_rules(roster: Roster) -> tuple[str, ...]:
    """Return the names of the requests and proposals that a roster answers, as rules."""
    honoured = [request_rule(r) for r in sorted(roster.honoured)]
    return (*honoured, *(proposal_rule(r) for r in sorted(roster.staffed)))


def answering_slots(problem: RosterProblem, roster: Roster) -> dict[int, Slot]:
    """Return the slot that answers each honoured request: the team staffed for it first."""
    position = {code: number for number, code in enumerate(problem.codes)}
    found = {}
    for r in sorted(roster.honoured):
        one = problem.request.requests[r]
        d = problem.days.index(one.day)
        wanted = {position[code] for code in one.boroughs}
        teams = [t for t in range(len(problem.teams)) if roster.visits.get((t, d)) in wanted]
        found[r] = (roster.staffed.get(r, teams[0]), d)
    return found


def outcomes(
    problem: RosterProblem, best: Best, roster: Roster, *, time_limit_s: float
) -> tuple[RequestOutcome, ...]:
    """Return the outcome of every request in the order they were given.

    Parameters
    ----------
    problem, best
        The problem and its best roster, whose answers the roster keeps.
    roster
        The roster to be published.
    time_limit_s
        Seconds for each of the solves that price or explain a request.
    """
    return tuple(
        _outcome(problem, best, roster, r, time_limit_s=time_limit_s)
        for r in range(len(problem.request.requests))
    )


def _outcome(
    problem: RosterProblem,
    best: Best,
    roster: Roster,
    r: int,
    *,
    time_limit_s: float,
) -> RequestOutcome:
    one = problem.request.requests[r]
    slot = answering_slots(problem, roster).get(r)
    proposal, staffing = _proposal(problem, roster, r, time_limit_s)
    if slot is None:
        reason = _clash_words(problem, roster, request_rule(r), time_limit_s)
        return _record(one, "none" if proposal == "none" else "not_staffed", reason)
    borough = roster.visits[slot]
    cost = _cost(problem, best, roster, r, time_limit_s)
    visit = f"{problem.teams[slot[0]].team_id} visits {problem.names[borough]}"
    price = f"costs {cost:.4f} of the objective" if cost else "costs nothing of the objective"
    return _record(
        one,
        proposal,
        f"{visit}; the request {price}{staffing}.",
        team_id=problem.teams[slot[0]].team_id,
        borough=problem.codes[borough],
        cost=cost,
    )


def _record(
    one: BoroughRequest,
    proposal: Proposal,
    reason: str,
    *,
    team_id: str | None = None,
    borough: str | None = None,
    cost: float | None = None,
) -> RequestOutcome:
    return RequestOutcome(
        request_id=one.request_id,
        day=one.day,
        boroughs=one.boroughs,
        issue=one.issue,
        requested_by=one.requested_by,
        proposed_tactic=one.proposed_tactic,
        outcome="not_honoured" if team_id is None else "honoured",
        team_id=team_id,
        borough=borough,
        proposal=proposal,
        cost=cost,
        reason=reason,
    )


def _cost(problem: RosterProblem, best: Best, roster: Roster, r: int, time_limit_s: float) -> float:
    own = (request_rule(r), proposal_rule(r))
    others = [name for name in answered_rules(roster) if name not in own]
    without = solve_worth(problem, must=others, time_limit_s=time_limit_s)
    return max(0, without - best.points) / POINTS


def _proposal(
    problem: RosterProblem, roster: Roster, r: int, time_limit_s: float
) -> tuple[Proposal, str]:
    """Return what becomes of a proposed tactic, and the words that follow the visit."""
    one = problem.request.requests[r]
    if one.proposed_tactic is None or one.proposed_tactic == MOBILE_PATROL:
        return "none", ""
    name = one.proposed_tactic.replace("_", " ")
    if r in roster.staffed:
        return "staffed", (
            f". The officers for {name} are there; it is proposed, not authorised: apply to CO5 "
            "(form FA1), and patrol until then"
        )
    if r not in roster.honoured:
        return "not_staffed", ""
    if one.proposed_tactic not in problem.needs:
        return "not_staffed", f". No need of officers is given for {name}: mobile patrol"
    why = _clash_words(problem, roster, proposal_rule(r), time_limit_s)
    return "not_staffed", f". Mobile patrol only, no officers for {name}: {why.rstrip('.')}"


def _clash_words(problem: RosterProblem, roster: Roster, goal: str, time_limit_s: float) -> str:
    names = clash(problem, goal=goal, beside=answered_rules(roster), time_limit_s=time_limit_s)
    if not names:
        return f"{UNPROVEN}."
    return f"Clashes with {'; '.join(rule_words(problem, name) for name in names)}."
