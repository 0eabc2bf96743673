"""Progress on standard error: a bar for people at a terminal, silence for programs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from api.cli.app import console
from api.working.progress import Progress as Report
from api.working.progress import silent


@contextmanager
def progress_bars() -> Iterator[Report]:
    """Yield a ``progress(step, share)`` callback that draws one bar a step."""
    if not console.is_terminal:
        yield silent
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        yield _Bars(bars)


class _Bars:
    """Draw one bar a step; beside a proof also coverage so far and its proven limit."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._figures = ""

    def __call__(self, step: str, share: float) -> None:
        """Move the bar of a step."""
        if step not in self._tasks:
            self._tasks[step] = self._bars.add_task(step, total=1.0)
        self._bars.update(
            self._tasks[step],
            completed=min(max(share, 0.0), 1.0),
            description=f"{step}{self._figures}",
        )
        self._figures = ""

    def measured(self, objective: float, bound: float) -> None:
        """Show the figures beside the step that is told next."""
        self._figures = f": {objective:.2%}, at most {bound:.2%}"

    def stop_asked(self) -> bool:
        """Return False: at a terminal Ctrl-C ends a solve, with the best plan so far."""
        return False
