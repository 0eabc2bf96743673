"""The tasks of a roster with their reasons, runner-up boroughs and focus wards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from allocator.tpu.problem import (
    POINTS,
    Post,
    RosterProblem,
    Slot,
    borough_scores,
    shift_times,
)
from allocator.tpu.request import MOBILE_PATROL, Override, Tactic
from allocator.tpu.roster import RosterTask, RunnerUp
from allocator.tpu.solve import Roster
from hotspots.assessment import RiskAssessment

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")


@dataclass(frozen=True)
class Explained:
    """A roster and what its tasks are explained from.

    ``slots`` holds the slot that answers each honoured request.
    """

    assessment: RiskAssessment
    problem: RosterProblem
    roster: Roster
    slots: Mapping[int, Slot]


def build_tasks(explained: Explained) -> tuple[RosterTask, ...]:
    """Return the tasks by day and team."""
    problem, roster = explained.problem, explained.roster
    visited: Counter[int] = Counter()
    tasks = []
    for t, d in problem.slots:
        borough = roster.visits.get((t, d))
        if borough is None:
            continue
        number = len(problem.past_visits[borough]) + visited[borough]
        visited[borough] += 1
        tasks.append(_task(explained, (t, d), number))
    return tuple(tasks)


def _task(explained: Explained, slot: Slot, number: int) -> RosterTask:
    problem, roster = explained.problem, explained.roster
    (t, d), borough = slot, roster.visits[slot]
    team, rules = problem.teams[t], problem.request.rules
    start, end = shift_times(team, problem.days[d], rules.shift_hours, problem.timezone)
    with_it = sorted((p for (p, day), o in roster.posts.items() if (o, day) == slot), key=_order)
    inspectors = tuple(post.number for post in with_it if post.rank == "inspector")
    floating = tuple(post.number for post in with_it if post.rank == "sergeant")
    sergeants = problem.sergeants[slot] + len(floating)
    tactic = _tactic(problem, roster, slot, len(inspectors), sergeants)
    fixed = problem.fixed.get(slot)
    return RosterTask(
        day=problem.days[d],
        team_id=team.team_id,
        borough=problem.codes[borough],
        borough_name=problem.names[borough],
        shift_start=start,
        shift_end=end,
        tactic=tactic,
        authority="not_required" if tactic == MOBILE_PATROL else "proposed",
        fallback=None if tactic == MOBILE_PATROL else MOBILE_PATROL,
        inspectors=inspectors,
        sergeants=sergeants,
        floating_sergeants=floating,
        constables=problem.constables[slot],
        frozen=fixed is not None and not fixed.overridden,
        requests=_answers(explained, slot),
        focus_wards=focus_wards(explained.assessment, problem, borough, number),
        visit_number=number + 1,
        risk_share=problem.shares[borough],
        value=problem.points(borough, number) / POINTS,
        reason=_reason(explained, slot, number),
        runner_up=runner_up(problem, roster.visits, slot),
    )


def _order(post: Post) -> tuple[str, int]:
    return (post.rank, post.number)


def _tactic(
    problem: RosterProblem, roster: Roster, slot: Slot, inspectors: int, sergeants: int
) -> Tactic:
    for r, t in sorted(roster.staffed.items()):
        one = problem.request.requests[r]
        if (t, problem.days.index(one.day)) == slot and one.proposed_tactic is not None:
            return one.proposed_tactic
    fixed = problem.fixed.get(slot)
    published = fixed.task.tactic if fixed and fixed.task else MOBILE_PATROL
    need = problem.needs.get(published)
    if need is None or inspectors < need.inspectors or sergeants < need.sergeants:
        return MOBILE_PATROL
    return published if problem.constables[slot] >= need.constables else MOBILE_PATROL


def _answers(explained: Explained, slot: Slot) -> tuple[str, ...]:
    requests = explained.problem.request.requests
    return tuple(
        requests[r].request_id for r in sorted(explained.slots) if explained.slots[r] == slot
    )


def focus_wards(
    assessment: RiskAssessment, problem: RosterProblem, borough: int, visit: int
) -> tuple[str, ...]:
    """Return the wards for visit number ``visit`` (from 0), the highest expected rates first.

    A repeat visit goes on down the borough's list, and begins again after its end.
    """
    harm = problem.request.rules.target == "harm"
    scores = assessment.harm_wards if harm else assessment.wards
    inside = [score for score in scores if score.borough_code == problem.codes[borough]]
    inside.sort(key=lambda score: (-score.expected_per_week, score.code))
    size = min(problem.request.rules.focus_wards, len(inside))
    return tuple(inside[(visit * size + n) % len(inside)].code for n in range(size))


def runner_up(problem: RosterProblem, visits: Mapping[Slot, int], slot: Slot) -> RunnerUp | None:
    """Return the best other borough for one shift, everything else unchanged."""
    rules, count = problem.request.rules, Counter(visits.values())
    borough, past = visits[slot], problem.past_visits
    own = problem.points(borough, len(past[borough]) + count[borough] - 1)
    best: tuple[int, int] | None = None
    for other in range(len(problem.codes)):
        days = [*past[other], *(d for (_, d), b in visits.items() if b == other)]
        near = any(abs(day - slot[1]) <= rules.days_between_visits for day in days)
        if other == borough or near or count[other] >= rules.most_visits:
            continue
        worth = problem.points(other, len(past[other]) + count[other])
        if best is None or worth > best[0]:
            best = (worth, other)
    if best is None:
        return None
    return RunnerUp((problem.codes[best[1]],), (own - best[0]) / POINTS)


def _reason(explained: Explained, slot: Slot, number: int) -> str:
    problem, borough = explained.problem, explained.roster.visits[slot]
    score = borough_scores(explained.assessment, problem.request)[borough]
    ordinal = _ORDINALS[number] if number < len(_ORDINALS) else f"{number + 1}th"
    share = problem.shares[borough]
    sentences = [
        f"{score.name} has {share:.1%} of the expected incidents (rank {score.rank} of "
        f"{len(problem.codes)}); {ordinal} visit, counting the week before."
    ]
    for r in sorted(explained.slots):
        if explained.slots[r] == slot:
            one = problem.request.requests[r]
            sentences.append(f"Answers request {one.request_id}: {one.issue.strip().rstrip('.')}.")
    fixed = problem.fixed.get(slot)
    if fixed and fixed.overridden:
        override = _override(problem, slot)
        sentences.append(f"Altered inside the lead by {override.actor}: {override.reason}.")
    elif fixed:
        sentences.append("Frozen: published and inside the lead.")
    return " ".join(sentences)


def _override(problem: RosterProblem, slot: Slot) -> Override:
    team, day = problem.teams[slot[0]].team_id, problem.days[slot[1]]
    return next(o for o in problem.request.overrides if (o.team_id, o.day) == (team, day))
