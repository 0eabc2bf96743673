"""Actions arising, as the meeting reads them: what is late first, what has ended last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from api.pages.local_time import london_moment
from api.store.actions import Action
from api.wording import british_date

MEETINGS: Mapping[str, str] = {
    "weekly_arv_tasking": "ARV Tasking Meeting",
    "verano": "Verano meeting",
    "between_meetings": "Between meetings",
}
_ENDED = {"done": "Done", "cancelled": "Cancelled"}


@dataclass(frozen=True)
class ActionRow:
    """One action in a line."""

    action_id: str
    version: int
    task: str
    owner: str
    due: str
    late: str
    agreed: str
    ended: str
    outcome: str


def action_rows(actions: Sequence[Action], today: date) -> tuple[ActionRow, ...]:
    """Return actions as lines, in the order given.

    Parameters
    ----------
    today
        The day lateness is counted to.
    """
    return tuple(_row(one, today) for one in actions)


def _row(one: Action, today: date) -> ActionRow:
    ended = ""
    if one.state != "open" and one.closed is not None:
        ended = f"{_ENDED[one.state]}, {london_moment(one.closed)}, by {one.closed_by}"
    return ActionRow(
        action_id=one.action_id,
        version=one.version,
        task=one.task,
        owner=one.owner,
        due=british_date(one.due_on),
        late=_late((today - one.due_on).days) if one.state == "open" else "",
        agreed=f"{MEETINGS[one.meeting]}, {british_date(one.held_on)}",
        ended=ended,
        outcome=one.outcome,
    )


def _late(days: int) -> str:
    if days < 0:
        return ""
    return "due today" if days == 0 else f"{days} day{'s' if days > 1 else ''} late"
