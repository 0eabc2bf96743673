"""The page of a week's decisions: who, when and why, and whether the record is whole."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from api.access import Action
from api.audit.log import Record
from api.audit.signing import Head
from api.audit.verify import Verification, verify
from api.pages.local_time import london_moment
from api.pages.rendering import page
from api.pages.week_view import week_choices
from api.plans.rows import plans_of_week
from api.record_folder import kept_head
from api.routes.again_view import weeks_with_plans
from api.routes.audit import make_anchor
from api.routes.endpoint import Endpoint
from api.routes.forms import frame, own_fields
from api.routes.stored import record_of
from api.service import service_of
from api.store.schema import audit
from api.titles import PAPERS

Week = Annotated[str, Query(pattern=r"^([0-9]{4}-W(0[1-9]|[1-4][0-9]|5[0-3]))?$")]
#: Reasons are written by people who have the whole picture before them.
CLASSIFICATION = "OFFICIAL-SENSITIVE"
_STEPS = {
    Action.MAKE_PLAN: "Kept as a draft",
    Action.ALTER_PLAN: "Altered, or given a paper",
    Action.PROPOSE_PLAN: "Proposed",
    Action.APPROVE_PLAN: "Approved",
    Action.REJECT_PLAN: "Sent back",
    Action.PUBLISH_PLAN: "Published",
    Action.WITHDRAW_PLAN: "Withdrawn",
    Action.FALL_BACK: "Fell back",
}

#: What the record says when a paper is kept, in the words of the page.
_PAPERS = {f"{kind} attached": f"{words} attached" for kind, words in PAPERS.items()}


@dataclass(frozen=True)
class DecisionRow:
    """One entry of the audit record about a plan of the week."""

    position: int
    when: str
    who: str
    step: str
    outcome: str
    reason: str
    plan: str


async def show_decisions(request: Request, week: Week = "") -> Response:
    """Show the decisions on a week's plans, and check the whole record."""
    service, record = service_of(request), record_of(request)
    weeks = await weeks_with_plans(service)
    chosen = week or max(weeks, default="")
    rows = await asyncio.to_thread(_rows, record, chosen)
    head = await asyncio.to_thread(kept_head, service.settings.data_dir)
    checked = await asyncio.to_thread(_checked, record, [head] if head else [])
    values = {
        **frame(request),
        "week": chosen,
        "weeks": week_choices(weeks),
        "rows": rows,
        "checked": checked,
        "classification": CLASSIFICATION,
    }
    return page("decisions.html", values, headers={"X-Classification": CLASSIFICATION})


async def take_anchor(request: Request) -> Response:
    """Give the signed end of the record as a file, to be kept elsewhere."""
    await own_fields(request)
    return await make_anchor(request)


def _rows(record: Record, week: str) -> tuple[DecisionRow, ...]:
    with record.store.read() as tx:
        keys = [one.key for one in plans_of_week(tx, week)]
        wanted = (audit.c.object_kind == "plan") & audit.c.object_id.in_([*keys, week])
        found = tx.execute(select(audit).where(wanted).order_by(audit.c.position)).all()
    return tuple(
        DecisionRow(
            position=row.position,
            when=london_moment(row.at_utc, seconds=True),
            who=row.actor,
            step=_STEPS.get(row.action, row.action),
            outcome=row.outcome,
            reason=_PAPERS.get(row.reason, row.reason),
            plan=row.object_id,
        )
        for row in found
    )


def _checked(record: Record, heads: list[Head]) -> Verification:
    with record.store.read() as tx:
        return verify(tx, record.signer.verifier, heads)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/decisions",
        Action.READ_AUDIT,
        show_decisions,
        "Decisions on a week's plans",
        operation="consultation",
        shown=False,
    ),
    Endpoint(
        "POST",
        "/decisions/anchor",
        Action.ANCHOR_AUDIT,
        take_anchor,
        "Take an anchor of the record, from the page",
        form=True,
        operation="disclosure",
        shown=False,
    ),
)
