"""How far a job is: a bar at a terminal, a line a step in a notebook, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from api.client.records import Job


@contextmanager
def progress_bar(stream: TextIO) -> Iterator[Callable[[Job], None]]:
    """Yield what draws a bar on a terminal, with coverage and its limit beside; else nothing."""
    if not stream.isatty():
        yield _nothing
        return
    from rich.console import Console  # noqa: PLC0415  (only where there is somebody to see it)
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(file=stream), transient=True) as bars:
        task = bars.add_task("accepted", total=100.0)

        def show(job: Job) -> None:
            bars.update(task, completed=job.percent, description=said(job), refresh=True)

        yield show


def _nothing(_job: Job, /) -> None:
    """Draw nothing."""


class StepLines:
    """Print a line whenever a job comes to another step: for notebooks and logs.

    Parameters
    ----------
    write
        Takes a line; :func:`print` by default.
    """

    def __init__(self, write: Callable[[str], object] = print) -> None:
        self._write = write
        self._last = ""

    def __call__(self, job: Job) -> None:
        """Print the step of a job unless it is the one printed last."""
        step = job.step if not job.over else job.status
        if step and f"{job.job_id} {step}" != self._last:
            self._last = f"{job.job_id} {step}"
            self._write(step)


def said(job: Job) -> str:
    """Return the step of a job with the figures of the best plan so far, in one line."""
    step = job.step or job.status
    if job.objective is None or job.bound is None:
        return step
    return f"{step}: {job.objective:.2%}, at most {job.bound:.2%}"
