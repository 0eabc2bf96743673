"""Heavy work in processes of its own, never on the event loop.

A job gets a fresh process, forked from a server process that has the engines imported already
(about 20 ms instead of seconds). Jobs share nothing with the service and with one another, so a
deadline, a client that went away or a shutdown ends one by ending its process, whatever the
solver is doing. A bounded number run at once, a bounded number wait, and the rest are told when
to come back.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from api.orders import TASKS, Task
from api.problems import Problem, ProblemError, defect, problem_of

Result = TypeVar("Result")

#: Imported once in the process that workers are forked from.
PRELOADED = [TASKS]
NICENESS = 5  # a solve may use every core; the service's own answers go first
STOP_S = 2.0

log = logging.getLogger("arv.solving")


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

    async def run(self, task: Task[Result], *arguments: object, deadline_s: float) -> Result:
        """Run a task in a process and return its result.

        Cancelling the caller ends the process.

        Parameters
        ----------
        task, arguments
            The function and what it is called with, which must be picklable.
        deadline_s
            Seconds from the start of the process to its forced end.

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
                return await self._run_one(task, arguments, deadline_s)
        finally:
            self._admitted -= 1

    def close(self) -> None:
        """End every running job; their callers get a problem or are cancelled already."""
        for process in list(self._running):
            process.kill()

    async def _run_one(
        self, task: Task[Result], arguments: tuple[object, ...], deadline_s: float
    ) -> Result:
        ours, theirs = self._context.Pipe(duplex=True)
        process = self._context.Process(
            target=_work, args=(theirs, task, arguments), daemon=True, name=task.name
        )
        try:
            starting = asyncio.ensure_future(asyncio.to_thread(process.start))
            await _whole(starting)
            self._running.add(process)
            theirs.close()
            return await _outcome(ours, deadline_s, task.name)  # type: ignore[no-any-return]  # what the task returns crosses a pipe untyped
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


async def _outcome(connection: Connection, deadline_s: float, name: str) -> Any:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(connection.fileno(), ready.set)
    try:
        await asyncio.wait_for(ready.wait(), deadline_s)
    except TimeoutError as fault:
        log.warning("%s passed its deadline of %.0f s and was ended", name, deadline_s)
        raise ProblemError(_overdue(deadline_s)) from fault
    finally:
        loop.remove_reader(connection.fileno())
    try:
        done, value = await asyncio.to_thread(connection.recv)
    except (EOFError, ConnectionError) as fault:
        log.exception("the process of %s ended without a result", name)
        raise ProblemError(_lost()) from fault
    if done:
        return value
    raise ProblemError(value)


def _end(process: BaseProcess) -> None:
    if process.pid is None:
        return
    process.join(0.05)
    if process.is_alive():
        process.kill()
    process.join(STOP_S)


def _work(connection: Connection, task: Task[object], arguments: tuple[object, ...]) -> None:
    """Run one task in this process and send its result, or the problem it ended with."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the service decides when a job ends
    os.nice(NICENESS)
    threading.Thread(target=_leave_with_service, args=(connection,), daemon=True).start()
    try:
        function = getattr(importlib.import_module(task.module), task.name)
        outcome: tuple[bool, object] = (True, function(*arguments))
    except Exception as fault:
        problem = problem_of(fault)
        if problem.status >= 500:
            log.exception("%s failed", task.name)
        outcome = (False, problem)
    connection.send(outcome)


def _leave_with_service(connection: Connection) -> None:
    """End this process when the service is gone: nobody would read the result."""
    try:
        connection.recv()
    except (EOFError, OSError):
        os._exit(1)


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
