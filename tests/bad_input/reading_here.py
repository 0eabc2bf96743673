"""A pool that reads files in the process of the service, so that thousands can be read.

The service's own pool makes a process of each reading, which then reads the boundaries of all
London: about a second. What is refused, and in which words, is the same.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

from api.problems import Problem, ProblemError, problem_of
from api.working.orders import ASSESS, READ, Task
from api.working.solving import WorkPool


class ReadingHere(WorkPool):
    """Reads feeds and policies in a thread; any other work is told to come back."""

    def __init__(self) -> None:
        super().__init__(slots=1, waiting=0)

    async def run(self, task: Task[Any], *arguments: object, **_more: object) -> Any:
        """Do a reading and return its result, or raise the problem it ended with."""
        if task not in (READ, ASSESS):
            raise ProblemError(_later())
        function = getattr(importlib.import_module(task.module), task.name)
        try:
            return await asyncio.to_thread(function, *arguments)
        except Exception as fault:
            raise ProblemError(problem_of(fault)) from fault


def _later() -> Problem:
    return Problem(
        503, "busy", "The service is busy", "no work is done here. Remedy: try again later.",
        headers={"Retry-After": "15"},
    )  # fmt: skip
