"""Do the jobs of the store, one after another, and keep how far each is.

Every process of the service has one runner. They share nothing but the store: a job is taken
under a lease, renewed while it is done; when a process dies its lease runs out and another
runner takes the job up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from api.jobs.job import HowFar, Job, JobState
from api.jobs.kind import JobKind, Work
from api.jobs.shelf import JobShelf
from api.problems import Problem, ProblemError, problem_of
from api.service import Service
from api.store.errors import StoreRefusedError
from api.working.solving import Following, Told

Value = TypeVar("Value")

FOLDER = "jobs"
BEAT_S = 1.0
LOOK_EVERY_S = 2.0
#: Seconds a job may still take to store what it has found when its end was asked for.
STOP_GRACE_S = 90.0
#: Tries to store an ending while the store cannot be written, and seconds between them.
ENDING_TRIES, ENDING_PAUSE_S = 20, 3.0

log = logging.getLogger("arv.jobs")


def take_up(shelf: JobShelf, data_dir: Path) -> None:
    """Take up what a former service left: its running jobs go on, files of no open job go.

    To be called by whoever has just become the owner of the data directory.

    Parameters
    ----------
    shelf
        The jobs.
    data_dir
        Holds the files sent with them; such as an upload that was cut off.
    """
    number = shelf.recover()
    if number:
        log.info("%d jobs were under way when the service ended; they are done again", number)
    kept, root = shelf.open_jobs(), data_dir / FOLDER
    for folder in root.iterdir() if root.is_dir() else ():
        if folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)


class JobRunner:
    """Takes jobs from the store and does them.

    Parameters
    ----------
    service
        Its pool does the work.
    shelf
        The jobs.
    kinds
        What can be done, by name.
    """

    def __init__(self, service: Service, shelf: JobShelf, kinds: Mapping[str, JobKind]) -> None:
        self._service = service
        self._shelf = shelf
        self._kinds = kinds
        self._owner = f"worker-{secrets.token_hex(8)}"
        self._woken = asyncio.Event()
        self._root = service.workspace.root / FOLDER
        self._root.mkdir(exist_ok=True, mode=0o700)

    def wake(self) -> None:
        """Look for a job now: one was accepted."""
        self._woken.set()

    def folder(self, job_id: str) -> Path:
        """Return where the files of a job lie."""
        return self._root / job_id

    async def serve(self) -> None:
        """Do jobs until cancelled; then hand the one under way back."""
        while True:
            job = await self._next()
            if job is not None:
                try:
                    await self._do(job)
                except Exception:  # a defect of one job ends no other; its lease runs out
                    log.exception("job %s was left under way", job.job_id)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), LOOK_EVERY_S)
            self._woken.clear()

    async def _next(self) -> Job | None:
        try:
            return await asyncio.to_thread(self._shelf.take, self._owner)
        except Exception:  # whatever it is, there may be a job to take in a moment
            log.exception("the store gave no job")
            return None

    async def _do(self, job: Job) -> None:
        log.info("job %s (%s) begins, attempt %d", job.job_id, job.kind, job.attempt)
        followed = _Followed(self._kinds.get(job.kind))
        following = Following(followed.tell)
        work = asyncio.ensure_future(self._run(job, following))
        try:
            stopped = await self._beside(job, work, followed, following)
        except asyncio.CancelledError:
            await _ended(work)
            await self._safely(self._shelf.hand_back, job.job_id, self._owner)
            raise
        state, result, problem = _outcome(work, stopped=stopped)
        if await self._keep(job, state, result, problem):
            await asyncio.to_thread(shutil.rmtree, self.folder(job.job_id), ignore_errors=True)

    async def _run(self, job: Job, following: Following) -> dict[str, Any]:
        kind = self._kinds.get(job.kind)
        if kind is None:
            raise ProblemError(_unknown_kind(job.kind))
        folder = self.folder(job.job_id)
        work = Work(job.request, folder, following, actor=job.actor)
        return await kind.run(self._service, work)

    async def _beside(
        self,
        job: Job,
        work: asyncio.Future[dict[str, Any]],
        followed: _Followed,
        following: Following,
    ) -> bool:
        """Renew the lease while the work goes on; return whether its end was asked for."""
        loop = asyncio.get_running_loop()
        give_up_s: float | None = None
        while not work.done():
            await asyncio.wait([work], timeout=BEAT_S)
            if work.done():
                break
            beat = self._shelf.beat, job.job_id, self._owner, followed.how_far
            if give_up_s is None and await self._safely(*beat):
                following.stop.set()
                give_up_s = loop.time() + STOP_GRACE_S
            elif give_up_s is not None and loop.time() > give_up_s:
                await _ended(work)
            elif give_up_s is not None:
                await self._safely(*beat)
        return give_up_s is not None

    async def _keep(
        self,
        job: Job,
        state: JobState,
        result: dict[str, Any] | None,
        problem: Problem | None,
    ) -> bool:
        """Store an ending, also in a store that is away for a while.

        Returns
        -------
        bool
            Whether the job is over. Else it will be begun again, by whoever has its lease then,
            and needs its files.
        """
        for _ in range(ENDING_TRIES):
            try:
                kept = await asyncio.to_thread(
                    lambda: self._shelf.finish(
                        job.job_id, self._owner, state, result=result, problem=problem
                    )
                )
            except StoreRefusedError:
                log.exception("the ending of job %s could not be stored yet", job.job_id)
                await asyncio.sleep(ENDING_PAUSE_S)
            else:
                log.info("job %s is %s", job.job_id, kept.state)
                return kept.over
        log.error("the ending of job %s was not stored; it is begun again", job.job_id)
        return False

    async def _safely(self, step: Callable[..., Value], *arguments: object) -> Value | None:
        try:
            return await asyncio.to_thread(step, *arguments)
        except StoreRefusedError:
            log.exception("a job could not be noted")
            return None


class _Followed:
    """How far a job is, from what its worker tells; the share of the whole never falls."""

    def __init__(self, kind: JobKind | None) -> None:
        self._kind = kind
        self.how_far = HowFar()

    def tell(self, told: Told) -> None:
        """Take in what a worker said."""
        share = self._kind.share_of_whole(told.step, told.share) if self._kind else None
        before = self.how_far.share
        self.how_far = HowFar(told.step, max(before, share or 0.0), told.objective, told.bound)


def _outcome(
    work: asyncio.Future[dict[str, Any]], *, stopped: bool
) -> tuple[JobState, dict[str, Any] | None, Problem | None]:
    if work.cancelled():
        return JobState.DISMISSED, None, None
    fault = work.exception()
    if fault is None:
        return (JobState.DISMISSED if stopped else JobState.SUCCESSFUL), work.result(), None
    if not isinstance(fault, Exception):
        raise fault
    if stopped:
        return JobState.DISMISSED, None, None
    problem = problem_of(fault)
    if problem.status >= 500:
        log.error("a job failed", exc_info=fault)
    return JobState.FAILED, None, problem


async def _ended(work: asyncio.Future[dict[str, Any]]) -> None:
    work.cancel()
    await asyncio.wait([work])


def _unknown_kind(kind: str) -> Problem:
    return Problem(
        422,
        "unknown-job",
        "Unknown job",
        f"this version of the service does not know work of the kind {kind!r}. Remedy: start the "
        "version that accepted it, or ask anew.",
    )
