"""The rosters a person may read, and which of them is meant when none is named."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date

from starlette.requests import Request

from api.access import Action, Actor, Resource, decide
from api.routes.stored import record_of
from api.store.rosters import KeptRoster, list_rosters, standing_among

ROSTERS_OFFERED = 20


@dataclass(frozen=True)
class ReadableRosters:
    """Rosters, those made last first, and the identifiers of those by which somebody is tasked."""

    rosters: tuple[KeptRoster, ...]
    standing: frozenset[str]

    @property
    def meant(self) -> KeptRoster | None:
        """The one made last of those whose taskings stand, or else the one made last."""
        stand = [one for one in self.rosters if one.roster_id in self.standing]
        return next(iter([*stand, *self.rosters]), None)


async def readable_rosters(request: Request, since: date) -> ReadableRosters:
    """Return the rosters that reach a day or later and that the person may read."""
    record, actor = record_of(request), request.state.actor

    def look() -> ReadableRosters:
        with record.store.read() as tx:
            found = list_rosters(tx, first_day=since, limit=ROSTERS_OFFERED)
            stand = standing_among(tx, found)
        readable = [one for one in found if _readable(actor, one)]
        made_last = sorted(readable, key=lambda one: (one.created, one.roster_id), reverse=True)
        return ReadableRosters(tuple(made_last), stand)

    return await asyncio.to_thread(look)


def _readable(actor: Actor, kept: KeptRoster) -> bool:
    code = str(kept.document.get("handling_code", ""))
    about = Resource("roster", kept.roster_id, handling_code=code)
    return decide(actor, Action.READ_TASKING, about).allowed
