"""Progress on standard error: a bar for people at a terminal, silence for programs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from api.cli.app import console
from api.progress import Progress as Report
from api.progress import silent


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
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console, transient=True) as bars:

        def report(step: str, share: float) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=1.0)
            bars.update(tasks[step], completed=min(max(share, 0.0), 1.0))

        yield report
