"""What the week's page says of a plan that is in force again by falling back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from api.accounts.directory import User, find_user
from api.pages.local_time import london_moment
from api.plans.fallen_back import FallenBack, fallen_back, fallen_back_weeks
from api.service import Service
from api.workspace import WEEK

#: Asks the page for the plan made last although another one is in force.
LATEST = "latest"


@dataclass(frozen=True)
class AgainView:
    """The notice, ready to print.

    Attributes
    ----------
    plan
        The plan in force and the weeks it is about.
    by, when
        Who fell back, by name and account, and when on the London clock.
    has_own
        True when a plan was made for the week itself, which the page shows on asking.
    """

    plan: FallenBack
    by: str
    when: str
    has_own: bool


async def again_in_force(service: Service, week: str) -> AgainView | None:
    """Return what is to be said of a week, ``None`` when nobody fell back in it."""
    record = service.record
    if record is None or not WEEK.fullmatch(week):
        return None

    def look() -> AgainView | None:
        with record.store.read() as tx:
            found = fallen_back(tx, week)
            user = find_user(tx, found.by) if found else None
        if found is None:
            return None
        folder = service.workspace.plan(week)
        own = folder is not None and (found.made_for, found.plan_id) != (week, folder.name)
        return AgainView(found, _called(found.by, user), london_moment(found.at), own)

    return await asyncio.to_thread(look)


def _called(name: str, user: User | None) -> str:
    display = user.display_name if user is not None else ""
    return f"{display} ({name})" if display and display.casefold() != name else name


async def weeks_with_plans(service: Service) -> list[str]:
    """Return the weeks that a plan was made for or is in force in, earliest first."""
    record, made = service.record, service.workspace.weeks()
    if record is None:
        return made

    def look() -> list[str]:
        with record.store.read() as tx:
            return sorted({*made, *fallen_back_weeks(tx)})

    return await asyncio.to_thread(look)
