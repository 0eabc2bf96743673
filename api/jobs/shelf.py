"""The jobs of the store: each step in one transaction, its beginning and end in the record."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, or_, select, update

from api.audit.entry import Outcome, clipped, entry
from api.audit.log import Record
from api.jobs.errors import JobOverError, JobsFullError
from api.jobs.job import ENDED, HowFar, Job, JobState
from api.problems import Problem
from api.store.errors import UnknownRecordError
from api.store.schema import jobs
from api.store.types import canonical_text, digest

#: A job whose worker was not heard of for so long is taken up by another one.
LEASE = timedelta(seconds=30)
#: A job that was under way so often when its process ended is not begun again.
MOST_ATTEMPTS = 3
MOST_WAITING = 100

_ENDS = [state.value for state in JobState if state in ENDED]
#: Members of a result that name what was made. Its words and figures rest on the evidence, and
#: the readers of the audit record need not see that.
_NAMES = ("assessment_id", "plan_id", "study_id", "roster_id", "key", "week")
ACCEPT, FINISH, STOP = "job.accept", "job.finish", "job.stop"


@dataclass(frozen=True)
class JobShelf:
    """Accepts jobs, hands them to workers, and keeps what came of them.

    Every method raises :class:`api.store.errors.StoreRefusedError` when the store cannot be
    used; then nothing was changed.

    Parameters
    ----------
    record
        The store with its audit record.
    """

    record: Record

    def accept(
        self, kind: str, request: Mapping[str, Any], actor: str, *, job_id: str | None = None
    ) -> Job:
        """Keep a job to be done.

        Parameters
        ----------
        kind, request
            What to do and with what, as plain JSON values.
        actor
            Who asked.
        job_id
            Identifier from :func:`new_job_id` where the caller needed it before.

        Raises
        ------
        JobsFullError
            When too many jobs are waiting already.
        """
        identifier, text = job_id or new_job_id(), canonical_text(dict(request))
        with self.record.change() as change:
            _check_room(change.tx)
            change.tx.execute(
                insert(jobs),
                {
                    "job_id": identifier,
                    "kind": kind,
                    "state": JobState.ACCEPTED.value,
                    "version": 1,
                    "request": dict(request),
                    "request_sha256": digest(text),
                    "share_done": 0.0,
                    "actor": actor,
                    "attempt": 0,
                    "accepted_utc": change.now,
                    "cancel_asked": 0,
                },
            )
            detail = {"kind": kind, "request_sha256": digest(text)}
            change.note(entry(actor, ACCEPT, "job", identifier, detail=detail))
            return _found(change.tx, identifier)

    def job(self, job_id: str) -> Job:
        """Return a job.

        Raises
        ------
        UnknownRecordError
            When there is none.
        """
        with self.record.store.read() as tx:
            return _found(tx, job_id)

    def page(self, most: int, after: tuple[datetime, str] | None = None) -> list[Job]:
        """Return up to ``most`` jobs, the latest first, from behind ``(accepted, job_id)``."""
        query = select(jobs).order_by(jobs.c.accepted_utc.desc(), jobs.c.job_id.desc()).limit(most)
        if after is not None:
            moment, job_id = after
            query = query.where(
                or_(
                    jobs.c.accepted_utc < moment,
                    and_(jobs.c.accepted_utc == moment, jobs.c.job_id < job_id),
                )
            )
        with self.record.store.read() as tx:
            return [_job(row) for row in tx.execute(query)]

    def take(self, owner: str) -> Job | None:
        """Return the job that waited longest, now running for ``owner``, if one waits.

        A running job whose worker fell silent counts as waiting, until it was begun
        :data:`MOST_ATTEMPTS` times: then it is failed, with words.
        """
        now = self.record.clock()
        with self.record.store.read() as tx:
            if _waiting(tx, now) is None:
                return None
        with self.record.store.write() as tx:
            row = _waiting(tx, now)
            if row is None:
                return None
            if row.attempt < MOST_ATTEMPTS:
                _alter(
                    tx, row.job_id, state=JobState.RUNNING.value, attempt=row.attempt + 1,
                    started_utc=now, lease_owner=owner, lease_until_utc=now + LEASE,
                )  # fmt: skip
                return _found(tx, row.job_id)
        self.finish(row.job_id, None, JobState.FAILED, problem=_given_up(row.attempt))
        return None

    def beat(self, job_id: str, owner: str, how_far: HowFar) -> bool:
        """Keep how far a job is and renew its lease; return whether its end was asked for.

        Returns
        -------
        bool
            True also when the job is no longer this worker's.
        """
        now = self.record.clock()
        mine = and_(
            jobs.c.job_id == job_id,
            jobs.c.state == JobState.RUNNING.value,
            jobs.c.lease_owner == owner,
        )
        with self.record.store.write() as tx:
            row = tx.execute(select(jobs.c.cancel_asked).where(mine)).first()
            if row is None:
                return True
            _alter(
                tx, job_id, share_done=_share(how_far), progress=how_far.document(),
                lease_until_utc=now + LEASE,
            )  # fmt: skip
            return bool(row.cancel_asked)

    def finish(
        self,
        job_id: str,
        owner: str | None,
        state: JobState,
        *,
        result: Mapping[str, Any] | None = None,
        problem: Problem | None = None,
    ) -> Job:
        """End a job with what came of it. A job that is over, or another's, stays as it is."""
        with self.record.change() as change:
            job, holder = _found(change.tx, job_id), _holder(change.tx, job_id)
            ours = not job.over and (owner is None or holder == owner)
            if ours:
                _alter(
                    change.tx, job_id, state=state.value, ended_utc=change.now,
                    result=dict(result) if result is not None else None,
                    problem=_members(problem) if problem else None,
                    lease_owner=None, lease_until_utc=None,
                    **({"share_done": 1.0} if state is JobState.SUCCESSFUL else {}),
                )  # fmt: skip
            outcome: Outcome = "failed" if state is JobState.FAILED or not ours else "done"
            why = _reason(problem) if problem else "" if ours else "another worker has the job"
            change.note(
                entry(
                    job.actor,
                    FINISH,
                    "job",
                    job_id,
                    outcome=outcome,
                    reason=clipped(why, 2000),
                    detail={"state": str(state), "result": _named(result or {})},
                )
            )
            return _found(change.tx, job_id)

    def hand_back(self, job_id: str, owner: str) -> None:
        """Put a job that a stopping service had under way back in the queue."""
        with self.record.store.write() as tx:
            if _holder(tx, job_id) == owner:
                _hand_back(tx, _found(tx, job_id), self.record.clock(), count=False)

    def ask_stop(self, job_id: str, actor: str) -> Job:
        """Ask for the end of a job: one that waits is dismissed at once.

        Raises
        ------
        UnknownRecordError
            When there is none.
        JobOverError
            When it succeeded or failed already.
        """
        with self.record.change() as change:
            job = _found(change.tx, job_id)
            if job.over and job.state is not JobState.DISMISSED:
                raise JobOverError(
                    f"the job has ended already ({job.state}), so it cannot be stopped",
                    remedy="read its results, or make a new plan",
                    value=job_id,
                )
            if job.state is JobState.ACCEPTED:
                _alter(
                    change.tx, job_id, state=JobState.DISMISSED.value, cancel_asked=1,
                    ended_utc=change.now,
                )  # fmt: skip
            elif job.state is JobState.RUNNING:
                _alter(change.tx, job_id, cancel_asked=1)
            change.note(entry(actor, STOP, "job", job_id, detail={"was": str(job.state)}))
            return _found(change.tx, job_id)

    def recover(self) -> int:
        """Put every running job back in the queue, when no service can be running it.

        To be called by whoever has just become the owner of the data directory.

        Returns
        -------
        int
            How many were under way when the former service ended.
        """
        with self.record.store.write() as tx:
            rows = tx.execute(select(jobs).where(jobs.c.state == JobState.RUNNING.value)).all()
            for row in rows:
                _hand_back(tx, _job(row), self.record.clock(), count=True)
            return len(rows)

    def open_jobs(self) -> frozenset[str]:
        """Return the identifiers of the jobs that are not over."""
        query = select(jobs.c.job_id).where(jobs.c.state.not_in(_ENDS))
        with self.record.store.read() as tx:
            return frozenset(tx.execute(query).scalars())

    def counts(self) -> dict[str, int]:
        """Return how many jobs there are in each state that is not an end."""
        query = (
            select(jobs.c.state, func.count()).where(jobs.c.state.not_in(_ENDS))
            .group_by(jobs.c.state)
        )  # fmt: skip
        with self.record.store.read() as tx:
            kept = {str(state): int(number) for state, number in tx.execute(query)}
        return {str(state): kept.get(state, 0) for state in JobState if state not in ENDED}


def new_job_id() -> str:
    """Return an identifier that nobody can guess."""
    return f"job-{secrets.token_hex(12)}"


def _check_room(tx: Connection) -> None:
    waiting = tx.execute(
        select(func.count()).select_from(jobs).where(jobs.c.state == JobState.ACCEPTED.value)
    ).scalar_one()
    if waiting >= MOST_WAITING:
        raise JobsFullError(
            f"{waiting} jobs are waiting, which is the limit",
            remedy="wait until some are done, or dismiss some",
            value=waiting,
        )


def _waiting(tx: Connection, now: datetime) -> Row[Any, Any] | None:
    silent = and_(jobs.c.state == JobState.RUNNING.value, jobs.c.lease_until_utc < now)
    query = select(jobs.c.job_id, jobs.c.attempt).where(
        or_(jobs.c.state == JobState.ACCEPTED.value, silent)
    )
    return tx.execute(query.order_by(jobs.c.accepted_utc, jobs.c.job_id).limit(1)).first()


def _hand_back(tx: Connection, job: Job, now: datetime, *, count: bool) -> None:
    """Put a job back in the queue; one whose end was asked for is dismissed instead."""
    if job.stop_asked:
        _alter(
            tx, job.job_id, state=JobState.DISMISSED.value, ended_utc=now,
            lease_owner=None, lease_until_utc=None,
        )  # fmt: skip
        return
    _alter(
        tx, job.job_id, state=JobState.ACCEPTED.value, share_done=0.0, progress=None,
        attempt=job.attempt if count else max(0, job.attempt - 1),
        lease_owner=None, lease_until_utc=None,
    )  # fmt: skip


def _alter(tx: Connection, job_id: str, **values: Any) -> None:
    tx.execute(
        update(jobs).where(jobs.c.job_id == job_id).values(version=jobs.c.version + 1, **values)
    )


def _found(tx: Connection, job_id: str) -> Job:
    row = tx.execute(select(jobs).where(jobs.c.job_id == job_id)).first()
    if row is None:
        raise UnknownRecordError(
            "there is no job of this identifier", remedy="GET /jobs lists them", value=job_id
        )
    return _job(row)


def _holder(tx: Connection, job_id: str) -> str | None:
    query = select(jobs.c.lease_owner).where(jobs.c.job_id == job_id)
    holder: str | None = tx.execute(query).scalar_one()
    return holder


def _job(row: Any) -> Job:
    told = row.progress or {}
    return Job(
        job_id=row.job_id,
        kind=row.kind,
        state=JobState(row.state),
        version=row.version,
        request=row.request,
        result=row.result,
        problem=row.problem,
        how_far=HowFar(
            told.get("step", ""), row.share_done, told.get("objective"), told.get("bound")
        ),
        actor=row.actor,
        attempt=row.attempt,
        accepted=row.accepted_utc,
        started=row.started_utc,
        ended=row.ended_utc,
        stop_asked=bool(row.cancel_asked),
    )


def _share(how_far: HowFar) -> float:
    return min(1.0, max(0.0, how_far.share))


def _members(problem: Problem) -> dict[str, Any]:
    given = {name: value for name, value in problem.members.items() if value is not None}
    return {
        **given,
        "kind": problem.kind,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
    }


def _reason(problem: Problem) -> str:
    """Return why for the audit record, whose readers need not see the evidence of a refusal."""
    return problem.detail if problem.status >= 500 else problem.title


def _named(result: Mapping[str, Any]) -> dict[str, Any]:
    return {name: result[name] for name in _NAMES if name in result}


def _given_up(attempts: int) -> Problem:
    return Problem(
        503,
        "job-interrupted",
        "The job was interrupted",
        f"the service was restarted, or its process ended, {attempts} times while this job was "
        "under way, so it is not begun again and nothing was stored. Remedy: send it again; if "
        "it recurs, ask for less at a time.",
    )
