"""Put a drawn roster, its proof, its answers and its notes into one value."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from allocator.tpu.answers import Prices, answering_slots
from allocator.tpu.document import plain
from allocator.tpu.explanation import Explained, build_tasks
from allocator.tpu.problem import POINTS, RosterProblem, past_tasks
from allocator.tpu.request import REST, TpuRequest
from allocator.tpu.roster import (
    BoroughVisits,
    OverrideRecord,
    RequestOutcome,
    RestDay,
    RosterTask,
    TpuRoster,
    Unpredictability,
    sealed,
)
from allocator.tpu.sampling import Draw
from allocator.tpu.solve import Best, Roster
from hotspots.assessment import RiskAssessment

#: Below so much entropy a team and day (a choice of four) the reader is told.
PREDICTABLE_BITS = 2.0


@dataclass(frozen=True)
class Drawn:
    """The best roster, the drawn one, the walk between them, prices, and what was given.

    ``floor`` is in millionths.
    """

    best: Best
    roster: Roster
    draw: Draw
    prices: Prices
    floor: int
    seed: int
    epsilon: float


def assemble(
    assessment: RiskAssessment,
    problem: RosterProblem,
    drawn: Drawn,
    answers: tuple[RequestOutcome, ...],
    published: TpuRoster | None,
) -> TpuRoster:
    """Return the roster with its identifier; nothing in it tells the time, a path or a host."""
    request, best = problem.request, drawn.best
    slots = answering_slots(problem, drawn.roster)
    tasks = build_tasks(Explained(assessment, problem, drawn.roster, slots))
    return sealed(
        TpuRoster(
            roster_id="",
            first_day=request.first_day,
            n_days=request.n_days,
            timezone=assessment.timezone,
            classification=assessment.classification,
            notice=assessment.notice,
            handling_code=assessment.handling_code,
            status="optimal" if best.proven else "feasible",
            objective=_worth(problem, drawn.roster) / POINTS,
            best_objective=best.points / POINTS,
            bound=best.bound / POINTS,
            gap=_gap(best),
            unpredictability=_unpredictability(problem, drawn),
            tasks=tasks,
            rest_days=_rest_days(problem, drawn.roster),
            past=past_tasks(request, published),
            requests=answers,
            overrides=_overrides(request, published),
            boroughs=_boroughs(problem, tasks),
            notes=(
                *_notes(assessment, problem, tasks, published),
                *_price_notes(drawn),
                *_draw_notes(drawn.draw),
            ),
            team_ids=tuple(team.team_id for team in request.teams),
            establishment=request.establishment,
            rules=request.rules,
            label=request.label,
            assessment_id=assessment.assessment_id,
            published_roster_id=published.roster_id if published else None,
            inputs_sha256=_inputs_sha256(assessment, request, published, drawn),
        )
    )


def _worth(problem: RosterProblem, roster: Roster) -> int:
    return problem.total_points(Counter(roster.visits.values()))


def _gap(best: Best) -> float:
    if not best.points:
        return float(best.bound > 0)
    return (best.bound - best.points) / best.points


def _unpredictability(problem: RosterProblem, drawn: Drawn) -> Unpredictability:
    draw = drawn.draw
    return Unpredictability(
        seed=drawn.seed,
        epsilon=drawn.epsilon,
        floor=drawn.floor / POINTS,
        price=(drawn.best.points - _worth(problem, drawn.roster)) / POINTS,
        free_shifts=draw.free_shifts,
        steps=draw.steps,
        samples=draw.samples,
        distinct_rosters=draw.distinct,
        entropy_bits=draw.entropy_bits,
        effective_choices=2.0**draw.entropy_bits,
        highest_chance=draw.highest_chance,
    )


def _rest_days(problem: RosterProblem, roster: Roster) -> tuple[RestDay, ...]:
    return tuple(
        RestDay(
            day=problem.days[d],
            team_id=problem.teams[t].team_id,
            frozen=(t, d) in problem.fixed and not problem.fixed[t, d].overridden,
        )
        for t, d in problem.slots
        if (t, d) not in roster.visits
    )


def _overrides(request: TpuRequest, published: TpuRoster | None) -> tuple[OverrideRecord, ...]:
    tasks = {
        (task.day, task.team_id): task.borough for task in (published.tasks if published else ())
    }
    return tuple(
        OverrideRecord(
            day=one.day,
            team_id=one.team_id,
            before=tasks.get((one.day, one.team_id), REST),
            after=one.tasking,
            reason=one.reason,
            actor=one.actor,
        )
        for one in sorted(request.overrides, key=lambda one: (one.day, one.team_id))
    )


def _boroughs(problem: RosterProblem, tasks: tuple[RosterTask, ...]) -> tuple[BoroughVisits, ...]:
    return tuple(
        BoroughVisits(
            code=code,
            name=problem.names[number],
            risk_share=problem.shares[number],
            days=tuple(task.day for task in tasks if task.borough == code),
            value=sum(task.value for task in tasks if task.borough == code),
        )
        for number, code in enumerate(problem.codes)
    )


def _notes(
    assessment: RiskAssessment,
    problem: RosterProblem,
    tasks: tuple[RosterTask, ...],
    published: TpuRoster | None,
) -> tuple[str, ...]:
    """Say what a reader must not overlook."""
    request = problem.request
    notes = [_inspector_note(request, tasks)]
    if any(task.authority == "proposed" for task in tasks):
        notes.append(
            "Set-piece tactics here are proposed only. They need the authority of a Strategic "
            "Firearms Commander, which is applied for and recorded elsewhere; until then the "
            "team patrols in vehicles. No tactic of the unit is an armed foot patrol."
        )
    if published is None and request.rules.lead_days:
        notes.append(
            f"No published roster was given: nothing of the first {request.rules.lead_days} days "
            "is frozen, and what teams did before is known only as far as the request says."
        )
    unposted = request.establishment.constables - sum(team.constables for team in request.teams)
    if unposted:
        notes.append(f"{unposted} constables of the establishment are posted to no team.")
    notes.extend(
        f"Absent on {one.day}: {_absent(one.inspectors, one.sergeants, one.constables)} "
        f"{'of ' + one.team_id if one.team_id else 'of the floating officers'} "
        f"({one.reason.strip()})."
        for one in request.absences
    )
    ends = assessment.as_of + timedelta(days=assessment.horizon_days)
    late = request.first_day + timedelta(days=request.n_days)
    if late > ends:
        notes.append(
            f"The assessment looks ahead to {ends - timedelta(days=1)}; later days rest on the "
            "same rates."
        )
    notes.append(
        "Hours of duty and rest, officers needed for a tactic and the worth of a repeat visit "
        "are assumptions of the request, not figures of the unit."
    )
    return tuple(notes)


def _price_notes(drawn: Drawn) -> tuple[str, ...]:
    best, notes = drawn.best.points / POINTS, []
    if drawn.prices.requests is not None:
        notes.append(
            f"The requests together cost {drawn.prices.requests:.4f} of the objective: without "
            f"them the best roster is worth {best + drawn.prices.requests:.4f}."
        )
    if drawn.prices.lead is not None:
        notes.append(
            f"The days fixed inside the lead cost {drawn.prices.lead:.4f} of the objective, as "
            "risk is seen now and with the same answers."
        )
    return tuple(notes)


def _draw_notes(draw: Draw) -> tuple[str, ...]:
    if not draw.free_shifts or draw.entropy_bits >= PREDICTABLE_BITS:
        return ()
    return (
        "The roster is predictable: what a team does on a day that is not fixed is one of "
        f"{2.0**draw.entropy_bits:.1f} choices on average. A greater epsilon, more visits to a "
        "borough or fewer requests leave more.",
    )


def _inspector_note(request: TpuRequest, tasks: tuple[RosterTask, ...]) -> str:
    alone = sum(not task.inspectors for task in tasks)
    n_inspectors, n_teams = request.establishment.inspectors, len(request.teams)
    return (
        f"{n_inspectors} inspector{'s' if n_inspectors != 1 else ''} for {n_teams} "
        f"team{'s' if n_teams != 1 else ''}: {alone} of {len(tasks)} shifts are worked without "
        "an inspector, the firearms team leader, so no set-piece tactic can be proposed for them."
    )


def _absent(inspectors: int, sergeants: int, constables: int) -> str:
    ranks = {"inspectors": inspectors, "sergeants": sergeants, "constables": constables}
    return ", ".join(f"{number} {rank}" for rank, number in ranks.items() if number) or "nobody"


def _inputs_sha256(
    assessment: RiskAssessment, request: TpuRequest, published: TpuRoster | None, drawn: Drawn
) -> str:
    body = {
        "assessment_id": assessment.assessment_id,
        "published_roster_id": published.roster_id if published else None,
        "request": plain(request),
        "seed": drawn.seed,
        "epsilon": drawn.epsilon,
    }
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
