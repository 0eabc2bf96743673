"""The plans of the record and their steps, each in one transaction with its audit entry."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allocator.plan import PatrolPlan, from_document
from api.access import Action, Actor
from api.audit.entry import clipped, entry
from api.audit.log import Change, Record
from api.plans import life
from api.plans.fleet_source import FleetSource
from api.plans.life import Step
from api.plans.record import Alteration, PaperKind, PlanRecord, State, content_of
from api.plans.rows import (
    Move,
    alteration_times,
    content_document,
    content_sha256,
    copy_content,
    latest_standing,
    papers_of,
    plans_of_week,
    state_of_content,
    week_of,
    write_adjustments,
    write_content,
    write_moves,
    write_paper,
)
from api.refusals import AccessDeniedError, PlanConflictError
from api.store.errors import UnknownRecordError
from api.store.types import canonical_text, digest

Plans = tuple[PlanRecord, ...]


@dataclass(frozen=True)
class PlanShelf:
    """Drafts, proposes, approves and publishes plans in the record.

    Every method that changes something raises what :mod:`api.plans.life` raises for the step,
    and :class:`api.store.errors.StoreRefusedError` when the store cannot be written; then
    nothing was changed. A denial is appended to the record before it is raised.

    Parameters
    ----------
    record
        The store with its audit record.
    """

    record: Record

    def plans(self, week: str) -> Plans:
        """Return the plans of a week."""
        with self.record.store.read() as tx:
            return plans_of_week(tx, week)

    def plan(self, key: str) -> PlanRecord:
        """Return a plan by its key.

        Raises
        ------
        UnknownRecordError
            When there is none.
        """
        with self.record.store.read() as tx:
            return _found(plans_of_week(tx, _week(week_of(tx, key), key)), key)

    def state(self, week: str, plan_id: str) -> State | None:
        """Return where a plan of the allocator stands, ``None`` when it is not in the record."""
        with self.record.store.read() as tx:
            return state_of_content(tx, week, plan_id)

    def content(self, key: str) -> PatrolPlan:
        """Return what a plan places, as the allocator made it."""
        record = self.plan(key)
        with self.record.store.read() as tx:
            return from_document(content_document(tx, record))

    def papers(self, key: str) -> dict[str, Any]:
        """Return the documents attached to a plan, by kind."""
        record = self.plan(key)
        with self.record.store.read() as tx:
            return papers_of(tx, record)

    def alteration_times(self, week: str) -> dict[Alteration, datetime]:
        """Return when each thing set by hand in the plans of a week was first recorded."""
        with self.record.store.read() as tx:
            return alteration_times(tx, week)

    def draft(
        self,
        plan: PatrolPlan,
        actor: Actor,
        alterations: Sequence[Alteration] = (),
        *,
        fleet: FleetSource | None = None,
    ) -> PlanRecord:
        """Keep a plan as a draft of its week; ``fleet`` says where its fleet came from."""
        content, key = content_of(plan, fleet), _new_key(plan.week)
        with self._step(actor, Action.MAKE_PLAN, key) as change:
            week = plans_of_week(change.tx, plan.week)
            step = life.draft(week, key, plan.week, content, actor, alterations=alterations)
            return self._keep(change, week, step, actor, plan)

    def alter(
        self,
        key: str,
        plan: PatrolPlan,
        actor: Actor,
        alterations: Sequence[Alteration],
        *,
        version: int | None = None,
        fleet: FleetSource | None = None,
    ) -> PlanRecord:
        """Give a plan new content, made from a fleet; its proposal and approval are void."""
        content = content_of(plan, fleet)
        with self._step(actor, Action.ALTER_PLAN, key) as change:
            week = self._week(change, key)
            if any(one.key == key and one.week != plan.week for one in week):
                raise PlanConflictError(
                    f"the content is a plan of week {plan.week}, the record is of another",
                    remedy="plan the same week again",
                    value=plan.week,
                )
            step = life.alter(
                week, key, content, actor, alterations, copy_key=_new_key(plan.week),
                version=version,
            )  # fmt: skip
            return self._keep(change, week, step, actor, plan)

    def attach(
        self, key: str, kind: PaperKind, body: object, actor: Actor, *, version: int | None = None
    ) -> PlanRecord:
        """Keep a verdict, backtest card or equality statement with a plan."""
        sha256 = digest(canonical_text(body))
        with self._step(actor, Action.ALTER_PLAN, key) as change:
            week = self._week(change, key)
            step = life.attach(week, key, kind, sha256, actor, version=version)
            write_paper(change, step.subject, kind, body, actor.name)
            return self._keep(change, week, step, actor)

    def propose(
        self, key: str, actor: Actor, *, reason: str = "", version: int | None = None
    ) -> PlanRecord:
        """Put a draft before a second person."""
        return self._take(
            Action.PROPOSE_PLAN, key, actor,
            lambda week: life.propose(week, key, actor, reason=reason, version=version),
        )  # fmt: skip

    def approve(
        self,
        key: str,
        actor: Actor,
        *,
        reason: str = "",
        no_equality_reason: str = "",
        version: int | None = None,
    ) -> PlanRecord:
        """Approve what another person proposed."""
        return self._take(
            Action.APPROVE_PLAN, key, actor,
            lambda week: life.approve(
                week, key, actor, reason=reason, no_equality_reason=no_equality_reason,
                version=version,
            ),
        )  # fmt: skip

    def reject(
        self, key: str, actor: Actor, *, reason: str, version: int | None = None
    ) -> PlanRecord:
        """Send a proposal back."""
        return self._take(
            Action.REJECT_PLAN, key, actor,
            lambda week: life.reject(week, key, actor, reason=reason, version=version),
        )  # fmt: skip

    def publish(
        self, key: str, actor: Actor, *, reason: str = "", version: int | None = None
    ) -> PlanRecord:
        """Put an approved plan in force."""
        return self._take(
            Action.PUBLISH_PLAN, key, actor,
            lambda week: life.publish(week, key, actor, reason=reason, version=version),
        )  # fmt: skip

    def withdraw(
        self, key: str, actor: Actor, *, reason: str, version: int | None = None
    ) -> PlanRecord:
        """Take a plan back."""
        return self._take(
            Action.WITHDRAW_PLAN, key, actor,
            lambda week: life.withdraw(week, key, actor, reason=reason, version=version),
        )  # fmt: skip

    def fall_back(self, week: str, actor: Actor, *, reason: str) -> PlanRecord:
        """Put the last approved plan in force for a week; needs neither assessment nor solver."""
        key = _new_key(week)
        with self._step(actor, Action.FALL_BACK, week) as change:
            here = plans_of_week(change.tx, week)
            last = life.last_approved(latest_standing(change.tx, week), week)
            step = life.fall_back(here, key, week, last, actor, reason=reason)
            made = self._keep(change, here, step, actor)
            if last is not None:  # plan_life has refused otherwise
                copy_content(change, last, step.subject)
            return made

    def _take(
        self, action: Action, key: str, actor: Actor, step: Callable[[Plans], Step]
    ) -> PlanRecord:
        with self._step(actor, action, key) as change:
            week = self._week(change, key)
            return self._keep(change, week, step(week), actor)

    def _keep(
        self,
        change: Change,
        before: Plans,
        step: Step,
        actor: Actor,
        plan: PatrolPlan | None = None,
    ) -> PlanRecord:
        """Write a step, its content where there is new content, and its audit entries."""
        known = {one.key: one for one in before}
        moves = [
            Move(known.get(one.key), one, actor.name, step.reason if number == 0 else "superseded")
            for number, one in enumerate(step.changed)
        ]
        write_moves(change, moves)
        if plan is not None:
            write_content(change, step.subject, plan, actor.name)
            write_adjustments(change, step.subject)
        for move in moves:
            change.note(_entry(change, step, move, plan))
        return step.subject

    def _week(self, change: Change, key: str) -> Plans:
        return plans_of_week(change.tx, _week(week_of(change.tx, key), key))

    @contextmanager
    def _step(self, actor: Actor, action: Action, subject: str) -> Iterator[Change]:
        """Yield a change; a denial inside undoes it and is recorded by itself."""
        try:
            with self.record.change() as change:
                yield change
        except AccessDeniedError as denial:
            self.record.note(
                entry(actor.name, action, "plan", clipped(subject), outcome="denied",
                      reason=clipped(denial.problem, 2000))
            )  # fmt: skip
            raise


def _entry(change: Change, step: Step, move: Move, plan: PatrolPlan | None) -> Any:
    subject = move.new
    kept = None
    if move.old is not None and plan is None:
        kept = content_sha256(change.tx, subject)
    elif plan is not None:
        kept = content_sha256(change.tx, step.subject)
    return entry(
        move.actor,
        step.action,
        "plan",
        subject.key,
        reason=move.reason,
        object_sha256=kept,
        operation="alteration",
        detail={
            "week": subject.week,
            "state": str(subject.state),
            "version": subject.version,
            "content_version": subject.content_version,
        },
    )


def _found(week: Plans, key: str) -> PlanRecord:
    found = next((one for one in week if one.key == key), None)
    if found is None:
        raise _unknown(key)
    return found


def _week(week: str | None, key: str) -> str:
    if week is None:
        raise _unknown(key)
    return week


def _new_key(week: str) -> str:
    return f"{week}-{secrets.token_hex(6)}"


def _unknown(key: str) -> UnknownRecordError:
    return UnknownRecordError(
        "there is no such plan in the record", remedy="use a key that is listed", value=key
    )
