"""What the form for a roster begins with: the last roster's request, moved on to today.

Teams, officers and rules are those of the roster in force, or else of the one made last. Requests
and leave stay as far as their days are still to come. Without any roster, the figures are those of
the public paper on the unit, and of `examples/tpu.toml` where the paper gives none.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta

from pydantic import ValidationError
from starlette.requests import Request

from api.audit.log import Record
from api.routes.kept_rosters import readable_rosters
from api.routes.stored import StoredAssessment, record_of
from api.routes.tpu_bodies import RosterBody, TeamBody
from api.service import Service, service_of
from api.store.rosters import KeptRoster, roster_in_force
from api.working.study_orders import ROSTER_ASKED

#: Rosters that ended longer ago are not looked at.
LONGEST_AGO = timedelta(days=92)
FIGURES = "Ranks of the public paper of 9 December 2010; hours, rest and tactics assumed"
EXAMPLE = RosterBody(
    teams=[TeamBody(team_id=name, sergeants=1, constables=10) for name in ("TPU-A", "TPU-B")],
    label=FIGURES,
)


@dataclass(frozen=True)
class RosterStart:
    """What to begin with.

    Attributes
    ----------
    body
        The request.
    taken_from
        The roster it was taken from, if from any.
    in_force
        The roster whose first days stay as told, if there is one.
    """

    body: RosterBody
    taken_from: KeptRoster | None
    in_force: KeptRoster | None


async def roster_start(request: Request, source: StoredAssessment) -> RosterStart:
    """Return what the form begins with on an assessment."""
    service, record = service_of(request), record_of(request)
    today = service.today()
    last = (await readable_rosters(request, today - LONGEST_AGO)).meant
    body = await asyncio.to_thread(_asked, service, last) if last else None
    earliest = max(today, source.assessment.as_of)
    lead_days = (body or EXAMPLE).rules.lead_days
    first, in_force = await asyncio.to_thread(_first_day, record, earliest, lead_days)
    moved = _moved(body or EXAMPLE, first)
    return RosterStart(moved, last if body else None, in_force)


def _asked(service: Service, kept: KeptRoster) -> RosterBody | None:
    """Return what a roster was asked with; ``None`` where that was not kept or is damaged."""
    folder = service.workspace.roster(kept.roster_id)
    if folder is None:
        return None
    try:
        return RosterBody.model_validate_json((folder / ROSTER_ASKED).read_bytes())
    except (OSError, ValidationError):
        return None


def _first_day(record: Record, earliest: date, lead_days: int) -> tuple[date, KeptRoster | None]:
    """Return the first day of the next roster, and the roster in force on its lead.

    It is the first day from which a roster in force covers the lead. Where there is none, nobody
    is tasked yet, and the first day is as far ahead as the lead.
    """
    with record.store.read() as tx:
        for ahead in range(lead_days + 1):
            day = earliest + timedelta(days=ahead)
            kept = roster_in_force(tx, day, day + timedelta(days=max(1, lead_days) - 1))
            if kept is not None:
                return day, kept
    return earliest + timedelta(days=lead_days), None


def _moved(body: RosterBody, first: date) -> RosterBody:
    days = {(first + timedelta(days=number)).isoformat() for number in range(body.days)}
    return body.model_copy(
        update={
            "from_": first.isoformat(),
            "assessment_id": None,
            "published_roster_id": None,
            "seed": None,
            "teams": [team.model_copy(update={"days_in_a_row": 0}) for team in body.teams],
            "requests": [one for one in body.requests if one.date in days],
            "absences": [one for one in body.absences if one.date in days],
            "overrides": [],
        }
    )
