"""The page on which the meeting records what it set by hand in a plan, with the reason.

The areas stay as they are: what would move them is asked of a placement. Proposal and approval of
the plan are void afterwards, and whoever set something is an author of the plan.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.access import Action, Actor, Resource, decide
from api.identify import actor_of
from api.pages.rendering import page
from api.pages.standing_view import ALTERATIONS, Standing, standing
from api.pattern_view import pattern_rows
from api.plans.record import Alteration, AlterationKind, PaperKind, PlanRecord, State
from api.plans.shelf import PlanShelf
from api.problems import ProblemError, request_refused
from api.routes.endpoint import Endpoint
from api.routes.forms import REFUSALS, Fields, frame, own_fields, refusal_status, refusal_words
from api.routes.placement_form import Named, rules_of
from api.routes.plans import PlanKey, shelf_of
from api.routes.recorded_plan import RecordedPlan, permitted_plan
from api.routes.standing import known_beside
from api.routes.stored import marking

#: What may be set by hand on the page; exclusions and support are asked of a placement.
OFFERED: tuple[AlterationKind, ...] = (
    "lock",
    "suppressed_hot_spot",
    "added_hot_spot",
    "override",
    "other",
)
PAPERS: tuple[PaperKind, ...] = ("verdict", "backtest_card", "equality_statement")
MOST_CHARACTERS = 400
FIELDS = ("kind", "subject", "reason")


@dataclass(frozen=True)
class _Case:
    """The plan to alter, and where it stands for the person."""

    found: RecordedPlan
    standing: Standing

    @property
    def record(self) -> PlanRecord:
        return self.found.record


async def show_form(request: Request, key: PlanKey) -> Response:
    """Show what was set by hand in a plan, and the form that sets more."""
    return await _form(request, await _case(request, key))


async def alter(request: Request, key: PlanKey) -> Response:
    """Record one alteration of a plan; a refusal stays on the page."""
    fields = await own_fields(request)
    case = await _case(request, key)
    if fields.get("confirm") != "yes":
        words = "Nothing was changed. Tick the confirmation first."
        return await _form(request, case, message=words, status=422, fields=fields)
    actor, version = actor_of(request), fields.get("version", "")
    read_at = int(version) if version.isascii() and version.isdecimal() else 0
    try:
        wanted = _alteration(case, fields, actor)
        await asyncio.to_thread(_altered, shelf_of(request), case.record, wanted, actor, read_at)
    except REFUSALS as refusal:
        words, status = refusal_words(refusal), refusal_status(refusal)
        now = await _case(request, key)
        return await _form(request, now, message=words, status=status, fields=fields)
    return RedirectResponse(f"/?week={case.record.week}&done=alter#standing-title", 303)


def _altered(
    shelf: PlanShelf, record: PlanRecord, wanted: Alteration, actor: Actor, version: int
) -> PlanRecord:
    """Give a plan the same content with one more alteration, and its papers again.

    The papers are about the areas and the evidence, and those stay as they are.
    """
    kept = shelf.papers(record.key)
    altered = shelf.alter(
        record.key,
        shelf.content(record.key),
        actor,
        (wanted, *record.alterations),
        version=version,
        fleet=record.content.fleet,
    )
    for kind in PAPERS:
        if kind in kept:
            altered = shelf.attach(altered.key, kind, kept[kind], actor)
    return altered


def _alteration(case: _Case, fields: Fields, actor: Actor) -> Alteration:
    """Return what a filled-in form sets."""
    kind = next((one for one in OFFERED if one == fields.get("kind", "")), None)
    if kind is None:
        raise _refused("What", "nothing was chosen", "choose what is set")
    subject = " ".join(fields.get("subject", "").split())
    if not subject or len(subject) > MOST_CHARACTERS:
        raise _refused(
            "Which", f"it has {len(subject)} characters",
            f"name the unit with its boroughs, or the place, in up to {MOST_CHARACTERS}",
        )  # fmt: skip
    if kind == "lock":
        _check_lock(case.found, subject)
    if kind == "suppressed_hot_spot":
        _check_hot_spot(case.found, subject)
    return Alteration(kind, subject, actor.name, fields.get("reason", ""))


def _check_lock(found: RecordedPlan, subject: str) -> None:
    """Refuse a lock that the plan does not keep: the page moves no area."""
    areas = {unit.unit_id: set(unit.boroughs) for unit in found.plan.units}
    known = Named.of(areas, found.source.assessment)
    for unit, codes in rules_of(subject, "locks", known).items():
        away = sorted(set(codes) - areas[unit])
        if away:
            names = {one.code: one.name for one in found.source.assessment.boroughs}
            raise _refused(
                "Which", f"{names.get(away[0], away[0])} is not in the area of {unit}",
                "place the fleet again with this lock, under Placement",
            )  # fmt: skip


def _check_hot_spot(found: RecordedPlan, subject: str) -> None:
    keys = [row.key for row in pattern_rows(found.source.assessment)]
    if subject.split(maxsplit=1)[0].rstrip(":,") not in keys:
        raise _refused(
            "Which", f"{subject[:60]!r} does not begin with a hot spot of the assessment",
            f"begin with one of {', '.join(keys)}" if keys else "there is none to suppress",
        )  # fmt: skip


async def _case(request: Request, key: str) -> _Case:
    found = await permitted_plan(request, key, Action.ALTER_PLAN)
    record = found.record
    known = await asyncio.to_thread(known_beside, shelf_of(request).record, (record,))
    stands = standing(record, record.content.plan_id, actor_of(request), known)
    return _Case(found, stands)


async def _form(
    request: Request,
    case: _Case,
    *,
    message: str = "",
    status: int = 200,
    fields: Fields | None = None,
) -> Response:
    assessment, record, given = case.found.source.assessment, case.record, fields or {}
    names = {one.code: one.name for one in assessment.boroughs}
    units = case.found.plan.units
    values: dict[str, Any] = {
        **frame(request),
        "classification": assessment.classification,
        "notice": assessment.notice,
        "week": record.week,
        "key": record.key,
        "version": record.version,
        "standing": case.standing,
        "voids": _voids(record),
        "may_place": decide(actor_of(request), Action.MAKE_PLAN, Resource("page")).allowed,
        "kinds": [(kind, ALTERATIONS[kind]) for kind in OFFERED],
        "areas": [(u.unit_id, ", ".join(names.get(code, code) for code in u.boroughs))
                  for u in units],
        "hot_spots": [f"{row.key} {row.name}" for row in pattern_rows(assessment)],
        "most": MOST_CHARACTERS,
        "given": {name: given.get(name, "") for name in FIELDS},
        "message": message,
    }  # fmt: skip
    sent = marking(assessment, case.found.plan)
    return page("alter.html", values, status=status, headers=sent)


def _voids(record: PlanRecord) -> str:
    """Return what an alteration makes void, said before it is made."""
    again = "You become one of its authors, so you cannot approve it."
    if record.state is State.PUBLISHED:
        return (
            "The plan in force stays in force. The alteration is kept with a new draft, which "
            f"has to be proposed, approved by another person and published. {again}"
        )
    if record.state in {State.PROPOSED, State.APPROVED}:
        lost = "its proposal and its approval are" if record.approver else "its proposal is"
        return f"The plan becomes a draft again: {lost} void, and it is proposed anew. {again}"
    return f"The plan is a draft afterwards, to be proposed. {again}"


def _refused(where: str, problem: str, remedy: str) -> ProblemError:
    return ProblemError(request_refused(problem, remedy, where))


PATH = "/decisions/{key}/alter"
ENDPOINTS = (
    Endpoint(
        "GET",
        PATH,
        Action.ALTER_PLAN,
        show_form,
        "Set something by hand in a plan: the form",
        operation="consultation",
        shown=False,
    ),
    Endpoint(
        "POST",
        PATH,
        Action.ALTER_PLAN,
        alter,
        "Set something by hand in a plan, with the reason",
        form=True,
        operation="alteration",
        shown=False,
    ),
)
