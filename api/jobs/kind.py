"""What kinds of work can be a job: how each is done, and how its result is given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.access import Action
from api.service import Service
from api.working.solving import Following

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Work:
    """One piece of work of a kind.

    Attributes
    ----------
    request
        What was asked for, as plain JSON values.
    folder
        Where the files sent with it lie; empty when there are none.
    following
        Who is told how far it is; ``None`` when somebody waits for the answer instead.
    actor
        Name of who asked, for the record; that they may was decided when they did.
    """

    request: Values
    folder: Path
    following: Following | None = None
    actor: str = ""


@dataclass(frozen=True)
class JobKind:
    """A kind of work.

    Attributes
    ----------
    name
        Its word in the store and in ``process``.
    action
        What asking for it is; who may not do that may not stop it or read what came of it.
    run
        Does the work and stores what it made; returns the result as plain JSON values. Doing
        it twice must come to the same, because a restart may do so.
    deliver
        Gives the result as the answer of the request that waits for it, or of ``/results``.
    steps
        The steps it tells of, in order, each with its part of the whole.
    """

    name: str
    action: Action
    run: Callable[[Service, Work], Coroutine[Any, Any, dict[str, Any]]]
    deliver: Callable[[Request, Values], Awaitable[Response]]
    steps: tuple[tuple[str, float], ...] = ()

    def share_of_whole(self, step: str, share: float) -> float | None:
        """Return the share of the whole that is done, ``None`` when the step is not known."""
        total = sum(weight for _, weight in self.steps)
        before = 0.0
        for name, weight in self.steps:
            if name == step:
                return (before + weight * min(1.0, max(0.0, share))) / total
            before += weight
        return None
