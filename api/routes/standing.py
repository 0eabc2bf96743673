"""Read where a week's plans stand, for the pages that show it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from starlette.requests import Request

from api.access import Action, Actor, Resource, decide
from api.accounts.directory import find_user
from api.audit.log import Record
from api.pages.brief_view import Brief
from api.pages.standing_view import Known, Standing, may_draft, standings
from api.plans.record import Alteration, PlanRecord
from api.plans.shelf import PlanShelf
from api.routes.first_minute import first_minute
from api.routes.stored import StoredPlan
from api.service import Service


@dataclass(frozen=True)
class WeekStanding:
    """The plans of a week's record, and what the person may do besides their steps."""

    plans: tuple[Standing, ...]
    may_draft: bool
    may_read_record: bool
    brief: Brief

    @property
    def recorded(self) -> bool:
        """True when the plan shown is in the record and not done with."""
        return any(one.shown and not one.ended for one in self.plans)


async def week_standing(
    request: Request, service: Service, stored: StoredPlan, week: str
) -> WeekStanding | None:
    """Return where the plans of a week stand, a plan being shown; ``None`` while starting."""
    record = service.record
    if record is None:
        return None
    actor: Actor = request.state.actor
    return await asyncio.to_thread(_standing, record, stored, week, actor, service.today())


def called(record: Record, plans: Sequence[PlanRecord]) -> Mapping[str, str]:
    """Return the display names of everybody who is named in some plans, by account name."""
    people = {name for one in plans for name in (*one.involved, one.approver) if name}
    wanted = sorted(people | {by_hand.actor for one in plans for by_hand in one.alterations})
    with record.store.read() as tx:
        found = [find_user(tx, name) for name in wanted]
    return {user.name: user.display_name for user in found if user is not None}


def known_beside(record: Record, plans: Sequence[PlanRecord]) -> Known:
    """Return the names of everybody in some plans of a week, and when things were set by hand."""
    times: Mapping[Alteration, datetime] = {}
    if any(one.alterations for one in plans):
        times = PlanShelf(record).alteration_times(plans[0].week)
    return Known(called(record, plans), times)


def _standing(
    record: Record, stored: StoredPlan, week: str, actor: Actor, today: date
) -> WeekStanding:
    with record.store.read() as tx:
        glance = first_minute(tx, stored, week, actor, today)
    plans = PlanShelf(record).plans(week)
    shown = stored.recorded_id
    return WeekStanding(
        standings(plans, shown, actor, known_beside(record, plans)),
        may_draft(plans, shown, actor),
        decide(actor, Action.READ_AUDIT, Resource("audit")).allowed,
        glance,
    )
