"""What the endpoints share: one value, made at start and kept on the application."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

from starlette.requests import Request

from api.accounts.key_uses import KeyUses
from api.accounts.oidc import Issuer
from api.accounts.sign_in import SignIn
from api.audit.log import Record
from api.consultations import Consultations
from api.conventions.metrics import Metrics
from api.conventions.shared_counts import SharedCounts
from api.organisation import Organisation
from api.sessions import Sessions
from api.settings import Settings
from api.throttle import Throttle
from api.working.solving import WorkPool
from api.workspace import Workspace

Value = TypeVar("Value")

LONDON = ZoneInfo("Europe/London")


class Jobs(Protocol):
    """What does the jobs, as routes need it."""

    def wake(self) -> None:
        """Look for a job now."""

    def folder(self, job_id: str) -> Path:
        """Return where the files of a job lie."""


@dataclass
class Service:
    """One running service.

    Attributes
    ----------
    sample_state
        Where the synthetic sample of a first run stands: none, preparing, ready or failed.
    publishing
        Held while a folder is moved into place, so that publications follow one another.
    record, door, issuer
        The system of record, signing in against it, and the identity issuer where one is
        configured. ``None`` before the service has started.
    organisation
        What the force calls its roles and units.
    consultations
        Which reads of sensitive records were noted lately.
    key_uses
        Notes when keys of programs are used.
    jobs
        What does the jobs of the store; ``None`` before the service has started.
    metrics, counts
        Counts of this process, and those of callers over all processes.
    streams
        How many clients follow a job at this moment.
    stopping
        True once the service was told to stop: streams end, and it is no longer ready.
    """

    settings: Settings
    workspace: Workspace
    pool: WorkPool
    sessions: Sessions
    throttle: Throttle
    token_digest: str
    kept: KeptReadings
    today: Callable[[], date]
    consultations: Consultations
    organisation: Organisation
    issuer: Issuer | None = None
    record: Record | None = None
    door: SignIn | None = None
    sample_state: str = "none"
    jobs: Jobs | None = None
    counts: SharedCounts | None = None
    streams: int = 0
    metrics: Metrics = field(default_factory=Metrics)
    key_uses: KeyUses = field(default_factory=KeyUses)
    stopping: bool = False
    publishing: asyncio.Lock = field(default_factory=asyncio.Lock)


def today_in_london() -> date:
    """Return the calendar day in London."""
    return datetime.now(LONDON).date()


class KeptReadings:
    """The last few things read from immutable folders, so that a page is not read twice.

    Who asks for what is being read just then waits for that reading: a hundred requests for a
    new week cost one reading, not a hundred.

    Parameters
    ----------
    most
        How many readings are kept; the one longest unused goes first.
    """

    def __init__(self, most: int = 24) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[str, Path], Any] = OrderedDict()
        self._under_way: dict[tuple[str, Path], asyncio.Task[Any]] = {}

    async def get(self, path: Path, read: Callable[[Path], Value], about: str = "") -> Value:
        """Return ``read(path)``, from memory when it is there, else from a thread.

        ``about`` says what is read, where the name of the function does not.
        """
        key = (about or read.__qualname__, path)
        if key in self._kept:
            self._kept.move_to_end(key)
            kept: Value = self._kept[key]
            return kept
        reading = self._under_way.get(key)
        if reading is None:
            reading = asyncio.create_task(asyncio.to_thread(read, path))
            self._under_way[key] = reading
            reading.add_done_callback(partial(self._ended, key))
        # Shielded: a client that goes away must not end what others wait for.
        read_now: Value = await asyncio.shield(reading)
        return read_now

    def _ended(self, key: tuple[str, Path], reading: asyncio.Task[Any]) -> None:
        """Keep what was read; a reading that failed is tried again by who asks next."""
        del self._under_way[key]
        if reading.cancelled() or reading.exception() is not None:
            return
        self._kept[key] = reading.result()
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)


def service_of(request: Request) -> Service:
    """Return the service a request reached."""
    service: Service = request.app.state.service
    return service
