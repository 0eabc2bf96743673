"""Heavy work in processes of its own, never on the event loop.

A job gets a fresh process, forked from a server process that has the engines imported already
(about 20 ms instead of seconds). Jobs share nothing with the service and with one another, so a
deadline, a client that went away or a shutdown ends one by ending its process, whatever the
solver is doing. A bounded number run at once, a bounded number wait, and the rest are told when
to come back.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from api.problems import Problem, ProblemError, defect, problem_of
from api.working.orders import TASKS, Task
from api.working.study_orders import STUDIES, TPU

Result = TypeVar("Result")

#: Imported once in the process that workers are forked from.
PRELOADED = [TASKS, STUDIES, TPU]
NICENESS = 5  # a solve may use every core; the service's own answers go first
STOP_S = 2.0
TELL_EVERY_S = 0.2
#: What the service sends a worker that should come to an end with what it has.
STOP = "stop"

log = logging.getLogger("arv.solving")


@dataclass(frozen=True)
class Told:
    """What a worker says on its way: the step, its share, and objective and bound."""

    step: str = ""
    share: float = 0.0
    objective: float | None = None
    bound: float | None = None


@dataclass
class Following:
    """Follows one piece of work and may ask it to come to an end.

    Attributes
    ----------
    told
        Called on the event loop with what the worker says.
    stop
        Set to have the worker end early; it then gives what it has found so far.
    """

    told: Callable[[Told], None]
    stop: asyncio.Event = field(default_factory=asyncio.Event)


class WorkPool:
    """Runs tasks in processes: ``slots`` at once, ``waiting`` more in a queue.

    Parameters
    ----------
    slots
        Jobs that run at the same time.
    waiting
        Jobs that may wait for a slot; one more is refused with 503 and Retry-After.
    """

    def __init__(self, *, slots: int, waiting: int) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)
        self._slots = asyncio.Semaphore(slots)
        self._capacity = slots + waiting
        self._admitted = 0
        self._running: set[BaseProcess] = set()

    async def run(
        self,
        task: Task[Result],
        *arguments: object,
        deadline_s: float,
        following: Following | None = None,
    ) -> Result:
        """Run a task in a process and return its result.

        Cancelling the caller ends the process.

        Parameters
        ----------
        task, arguments
            The function and what it is called with, which must be picklable.
        deadline_s
            Seconds from the start of the process to its forced end.
        following
            Who is told how far it is. The task then takes a last argument ``watch``, an
            :class:`api.working.progress.Watch`.

        Raises
        ------
        ProblemError
            What the task refused, or 503 when the queue is full or the deadline passed.
        """
        if self._admitted >= self._capacity:
            raise ProblemError(_busy(self._capacity))
        self._admitted += 1
        try:
            async with self._slots:
                return await self._run_one(task, arguments, deadline_s, following)
        finally:
            self._admitted -= 1

    @property
    def admitted(self) -> int:
        """How many pieces of work run or wait."""
        return self._admitted

    def close(self) -> None:
        """End every running job; their callers get a problem or are cancelled already."""
        for process in list(self._running):
            process.kill()

    async def _run_one(
        self,
        task: Task[Result],
        arguments: tuple[object, ...],
        deadline_s: float,
        following: Following | None,
    ) -> Result:
        ours, theirs = self._context.Pipe(duplex=True)
        process = self._context.Process(
            target=_work,
            args=(theirs, task, arguments, following is not None),
            daemon=True,
            name=task.name,
        )
        try:
            starting = asyncio.ensure_future(asyncio.to_thread(process.start))
            await _whole(starting)
            self._running.add(process)
            theirs.close()
            return await _followed(ours, deadline_s, task.name, following)  # type: ignore[no-any-return]  # what the task returns crosses a pipe untyped
        finally:
            self._running.discard(process)
            ours.close()
            await asyncio.shield(asyncio.to_thread(_end, process))


async def _whole(starting: asyncio.Future[None]) -> None:
    """Wait for a start to finish even when cancelled, so that there is a process to end."""
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait([starting])
        raise


async def _followed(
    connection: Connection, deadline_s: float, name: str, following: Following | None
) -> Any:
    """Return the outcome, passing on what is told meanwhile and, once, the wish to end early."""
    if following is None:
        return await _outcome(connection, deadline_s, name, _nobody)
    passing = asyncio.ensure_future(_pass_stop(connection, following.stop))
    try:
        return await _outcome(connection, deadline_s, name, following.told)
    finally:
        passing.cancel()
        await asyncio.wait([passing])


def _nobody(_told: Told) -> None:
    """Tell nobody."""


async def _pass_stop(connection: Connection, stop: asyncio.Event) -> None:
    await stop.wait()
    with contextlib.suppress(OSError):  # it has ended already
        connection.send(STOP)


async def _outcome(
    connection: Connection, deadline_s: float, name: str, tell: Callable[[Told], None]
) -> Any:
    end = asyncio.get_running_loop().time() + deadline_s
    while True:
        left_s = end - asyncio.get_running_loop().time()
        if not await _readable(connection, left_s):
            log.warning("%s passed its deadline of %.0f s and was ended", name, deadline_s)
            raise ProblemError(_overdue(deadline_s))
        try:
            message = await asyncio.to_thread(connection.recv)
        except (EOFError, ConnectionError) as fault:
            log.exception("the process of %s ended without a result", name)
            raise ProblemError(_lost()) from fault
        if isinstance(message, Told):
            tell(message)
            continue
        done, value = message
        if done:
            return value
        raise ProblemError(value)


async def _readable(connection: Connection, seconds: float) -> bool:
    """Wait until there is something to read; return False when the time is over."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(connection.fileno(), ready.set)
    try:
        await asyncio.wait_for(ready.wait(), max(0.0, seconds))
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(connection.fileno())
    return True


def _end(process: BaseProcess) -> None:
    if process.pid is None:
        return
    process.join(0.05)
    if process.is_alive():
        process.kill()
    process.join(STOP_S)


def _work(
    connection: Connection, task: Task[object], arguments: tuple[object, ...], watched: bool
) -> None:
    """Run one task in this process and send its result, or the problem it ended with."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the service decides when a job ends
    os.nice(NICENESS)
    watch = _PipedWatch(connection)
    threading.Thread(target=watch.listen, daemon=True).start()
    try:
        function = getattr(importlib.import_module(task.module), task.name)
        given = (*arguments, watch) if watched else arguments
        outcome: tuple[bool, object] = (True, function(*given))
    except Exception as fault:
        problem = problem_of(fault)
        if problem.status >= 500:
            log.exception("%s failed", task.name)
        outcome = (False, problem)
    connection.send(outcome)


class _PipedWatch:
    """The :class:`api.working.progress.Watch` of a task: tells the service, and hears its wish."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._stop = threading.Event()
        self._told = Told()
        self._sent_s = -TELL_EVERY_S

    def __call__(self, step: str, share: float) -> None:
        last = self._told
        fresh = step != last.step
        self._tell(Told(step, share, last.objective, last.bound), at_once=fresh)

    def measured(self, objective: float, bound: float) -> None:
        last = self._told
        self._tell(Told(last.step, last.share, objective, bound), at_once=True)

    def stop_asked(self) -> bool:
        return self._stop.is_set()

    def listen(self) -> None:
        """Hear the wish to end; end this process when the service is gone."""
        try:
            while self._connection.recv() == STOP:
                self._stop.set()
        except (EOFError, OSError):
            os._exit(1)

    def _tell(self, told: Told, *, at_once: bool) -> None:
        self._told, now = told, time.monotonic()
        if at_once or now - self._sent_s >= TELL_EVERY_S:
            self._sent_s = now
            self._connection.send(told)


def _busy(capacity: int) -> Problem:
    return Problem(
        503,
        "busy",
        "The service is busy",
        f"{capacity} solves are running or waiting, which is the limit. "
        "Remedy: try again when one of them is done.",
        headers={"Retry-After": "15"},
    )


def _overdue(deadline_s: float) -> Problem:
    return Problem(
        503,
        "overdue",
        "The work passed its deadline",
        f"the work was ended after {deadline_s:.0f} s and nothing was stored. "
        "Remedy: ask for less (fewer files, a shorter time_limit_s), or try when the machine "
        "is less busy.",
        headers={"Retry-After": "60"},
    )


def _lost() -> Problem:
    problem = defect()
    return Problem(
        problem.status,
        problem.kind,
        problem.title,
        "the process doing the work ended without a result, perhaps for want of memory; nothing "
        "was stored. Remedy: try again; if it recurs, report the request_id.",
    )
