"""The life of a roster: made, put before the unit as taskings, its tactics authorised or refused.

A set-piece tactic is proposed until a strategic firearms commander decides; until then, and when
it is refused, the team patrols. Nobody authorises what they rostered or proposed. Each step is one
transaction with its entry in the audit record.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from allocator.tpu.roster import RosterTask, TpuRoster, document, from_document
from api.access import Action, Actor, Resource, decide
from api.audit.entry import clipped, entry
from api.audit.log import Change, Record
from api.refusals import AccessDeniedError
from api.store.errors import RecordRefusedError
from api.store.rosters import KeptRoster, find_roster
from api.store.taskings import (
    Tasking,
    add_tasking,
    cancel_tasking,
    decide_authority,
    find_tasking,
    keep_roster,
    list_taskings,
)

Verdict = Literal["authorised", "refused"]
LONGEST_ISSUE = 2_000


@dataclass(frozen=True)
class TaskingShelf:
    """Keeps rosters and taskings in the record.

    Every method raises :class:`api.store.errors.StoreRefusedError` when the store cannot be
    written; then nothing was changed.

    Parameters
    ----------
    record
        The store with its audit record.
    """

    record: Record

    def keep(self, roster: TpuRoster, actor: str) -> KeptRoster:
        """Keep a roster; one that is there already stays as it is."""
        last = roster.first_day + timedelta(days=roster.n_days - 1)
        with self.record.change() as change:
            keep_roster(
                change.tx,
                roster.roster_id,
                document(roster),
                (roster.first_day, last),
                actor=actor,
                now=change.now,
            )
            change.note(
                entry(
                    actor,
                    Action.MAKE_ROSTER,
                    "roster",
                    roster.roster_id,
                    operation="combination",
                    detail={"assessment_id": roster.assessment_id},
                )
            )
            return find_roster(change.tx, roster.roster_id)

    def roster(self, roster_id: str) -> KeptRoster:
        """Return a roster.

        Raises
        ------
        UnknownRecordError
            There is none.
        """
        with self.record.store.read() as tx:
            return find_roster(tx, roster_id)

    def taskings(self, kept: KeptRoster) -> list[Tasking]:
        """Return what stands on the days of a roster, by day and team."""
        with self.record.store.read() as tx:
            return list_taskings(tx, first_day=kept.first_day, last_day=kept.last_day)

    def propose(self, roster_id: str, actor: Actor) -> list[Tasking]:
        """Make the taskings of a roster stand, and return what stands on its days.

        A tasking that says the same stays with its authority; one that differs, or whose day
        is now a day off, is cancelled with the reason. Doing it again changes nothing.

        Raises
        ------
        UnknownRecordError
            There is no such roster.
        """
        with self.record.change() as change:
            kept = find_roster(change.tx, roster_id)
            roster = from_document(kept.document)
            days = {"first_day": kept.first_day, "last_day": kept.last_day}
            standing = {(one.team, one.day): one for one in list_taskings(change.tx, **days)}
            wanted = {(one.team_id, one.day): one for one in roster.tasks}
            gone = [
                one
                for place, one in sorted(standing.items())
                if one.team in roster.team_ids and not _same(one, wanted.get(place))
            ]
            reason = f"replaced by roster {roster_id}"
            for one in gone:
                cancel_tasking(
                    change.tx, one.tasking_id, one.version, reason=reason, now=change.now
                )
            stay = {place for place, one in standing.items() if one not in gone}
            new = [
                _tasking(roster, one, actor.name, change)
                for place, one in sorted(wanted.items())
                if place not in stay
            ]
            for one in new:
                add_tasking(change.tx, one)
            detail = {
                "tasked": [one.tasking_id for one in new],
                "cancelled": [one.tasking_id for one in gone],
            }
            change.note(
                entry(actor.name, Action.PROPOSE_TASKING, "roster", roster_id,
                      operation="alteration", detail=detail)
            )  # fmt: skip
            return list_taskings(change.tx, **days)

    def decide(
        self,
        roster_id: str,
        versions: Mapping[str, int],
        verdict: Verdict,
        *,
        reference: str,
        actor: Actor,
    ) -> list[Tasking]:
        """Record a commander's decision on proposed tactics, and return what stands.

        Parameters
        ----------
        roster_id
            On whose days they lie.
        versions
            The version decided on, by tasking.
        verdict, reference
            The decision and the reference of the authority.

        Raises
        ------
        AccessDeniedError
            The actor rostered or proposed one of them; recorded before it is raised.
        UnknownRecordError, StaleRecordError, RecordRefusedError
            See :func:`api.store.taskings.decide_authority`; then none was decided.
        """
        try:
            with self.record.change() as change:
                kept = find_roster(change.tx, roster_id)
                for tasking_id, version in sorted(versions.items()):
                    _allow(change, kept, tasking_id, actor)
                    decide_authority(change.tx, tasking_id, version, verdict, reference=reference)
                    change.note(
                        entry(actor.name, Action.AUTHORISE_TASKING, "tasking", tasking_id,
                              operation="alteration", reason=clipped(reference, 2000),
                              detail={"verdict": verdict, "roster_id": roster_id})
                    )  # fmt: skip
                return list_taskings(change.tx, first_day=kept.first_day, last_day=kept.last_day)
        except AccessDeniedError as denial:
            self.record.note(
                entry(actor.name, Action.AUTHORISE_TASKING, "roster", clipped(roster_id),
                      outcome="denied", reason=clipped(denial.problem, 2000))
            )  # fmt: skip
            raise


def _same(one: Tasking, wanted: RosterTask | None) -> bool:
    """Return whether a tasking says what a roster wants of its team and day."""
    return wanted is not None and (one.borough_code, one.tactic) == (
        wanted.borough,
        wanted.tactic,
    )


def _tasking(roster: TpuRoster, task: RosterTask, actor: str, change: Change) -> Tasking:
    return Tasking(
        tasking_id=f"tasking-{secrets.token_hex(8)}",
        team=task.team_id,
        day=task.day,
        borough_code=task.borough,
        tasked=change.now,
        tasked_by=actor,
        issue=_issue(roster, task.requests),
        tactic=task.tactic,
        roster_id=roster.roster_id,
    )


def _issue(roster: TpuRoster, request_ids: Sequence[str]) -> str:
    issues = [one.issue for one in roster.requests if one.request_id in request_ids]
    return "; ".join(issues)[:LONGEST_ISSUE]


def _allow(change: Change, kept: KeptRoster, tasking_id: str, actor: Actor) -> None:
    """Refuse whoever made or proposed it, and a tasking that is not on the roster's days."""
    one = find_tasking(change.tx, tasking_id)
    if not kept.first_day <= one.day <= kept.last_day:
        raise RecordRefusedError(
            f"tasking {tasking_id} is of {one.day}, not of roster {kept.roster_id}",
            remedy="name taskings that GET /tpu/{roster_id}/taskings lists",
        )
    made_by = {one.tasked_by, kept.created_by}
    if one.roster_id and one.roster_id != kept.roster_id:
        made_by.add(find_roster(change.tx, one.roster_id).created_by)
    resource = Resource("tasking", tasking_id, involved=frozenset(made_by))
    verdict = decide(actor, Action.AUTHORISE_TASKING, resource)
    if not verdict.allowed:
        raise AccessDeniedError(
            verdict.reason, remedy="ask a commander who neither rostered nor proposed it"
        )
