"""The parts of the soak: each in a process of its own, bounded in time, and cleared up after."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import FrameType

from benchmarks.soak.figures import Figure, Report, at_most, none_of

#: How long a part that is told to end may take to clear up.
CLEAR_UP_S = 30.0


@dataclass(frozen=True)
class Part:
    """One soak: a module with ``run() -> Report``, and how long it may take, in seconds."""

    module: str
    limit_s: float

    @property
    def name(self) -> str:
        """Return its name on the command line."""
        return self.module.rpartition(".")[2]


def run_alone(parts: Sequence[Part]) -> list[Figure]:
    """Run parts one after another; return their figures."""
    return [figure for one in parts for figure in run_part(one)]


def run_beside(lanes: Sequence[Sequence[Part]]) -> list[Figure]:
    """Run lanes beside one another, the parts of each one after another; return all figures."""
    with ThreadPoolExecutor(max(1, len(lanes))) as threads:
        return [figure for found in threads.map(run_alone, lanes) for figure in found]


def run_part(part: Part) -> tuple[Figure, ...]:
    """Run one part in a process of its own, print what it found, and return its figures.

    A part that fails or takes too long is a figure that missed. Whatever it started ends with
    it, save what put itself into another session.
    """
    context, begun_s = multiprocessing.get_context("spawn"), time.monotonic()
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_do, args=(part.module, theirs))
    print(f"== {part.name} begins (at most {part.limit_s / 60:.0f} minutes)", flush=True)
    process.start()
    theirs.close()
    found: object = "it took too long"
    try:
        if ours.poll(part.limit_s):
            found = ours.recv()
        else:
            process.terminate()
    except EOFError:
        found = "its process ended"
    if not isinstance(found, Report):
        found = Report((none_of(f"{part.name}: not finished, {found}", 1),))
    _end(process)
    took_s = time.monotonic() - begun_s
    took = at_most(f"{part.name}: time of this part", took_s, part.limit_s, "s")
    print(f"== {part.name}\n{found.text()}\n{took_s:.0f} s\n", flush=True)
    return (*found.figures, took)


def _do(module: str, theirs: Connection) -> None:
    os.setsid()  # what it starts is ended with it
    signal.signal(signal.SIGTERM, _leave)
    found: object
    try:
        found = importlib.import_module(module).run()
    except Exception as fault:  # a part that fails is a figure that missed, the others go on
        sys.excepthook(type(fault), fault, fault.__traceback__)
        found = f"{type(fault).__name__}: {fault}"[:200]
    theirs.send(found)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(1)  # folders, clusters and services are cleared up on the way out


def _end(process: BaseProcess) -> None:
    """Wait for a part to clear up, then end it with what it left behind."""
    process.join(CLEAR_UP_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid or 0, signal.SIGKILL)
    process.kill()
    process.join()
