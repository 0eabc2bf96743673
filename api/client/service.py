"""The service as a notebook sees it.

Example
-------
>>> from api.client.service import ServiceClient
>>> service = ServiceClient("http://127.0.0.1:8000", token=TOKEN)  # doctest: +SKIP
>>> service.feeds.upload(Path("week.csv"))  # doctest: +SKIP
>>> service.assessments.make("2026-11-23")  # doctest: +SKIP
>>> plan = service.plans.allocate(week="2026-W48", fleet_id="example")  # doctest: +SKIP
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from api.client.address import read_address
from api.client.credentials import (
    Bearer,
    PersonSession,
    close_session,
    open_session,
    replace_password,
)
from api.client.desk import Actions, Calendar, Fleets
from api.client.errors import (
    NotSignedInError,
    ServiceProblemError,
    StillWorkingError,
    UnreachableError,
)
from api.client.evidence import Assessments, Feeds
from api.client.exchange import Credential, Exchange, Patience
from api.client.jobs import Jobs, Show
from api.client.messages import Answer, Query
from api.client.people import AuditRecord, People
from api.client.places import Places
from api.client.plans import Plans
from api.client.proactive import ProactiveUnit
from api.client.studies import Studies

LOOK_EVERY_S = 0.5


class ServiceClient:
    """One account's door to the service.

    Parameters
    ----------
    url
        Address of the service: https, or http on this machine.
    token
        Token of the first start, API key or identity token; without one only what is open to
        everybody answers. For a person's session see :meth:`signed_in`.
    ca_file
        Certificates (PEM) of the authority that signed the service's.
    patience
        How long to wait and how often to ask again.
    show
        Called with every change of a job that is followed (:mod:`api.client.progress`).
    sleep
        Waits so many seconds; :func:`time.sleep` by default.

    Attributes
    ----------
    feeds, assessments, places, plans, studies, proactive, fleets, calendar, actions, jobs, people
        What can be asked, by subject; ``audit`` is the record.
    exchange
        For anything that has no method here: ``exchange.get`` and ``exchange.post``.

    Raises
    ------
    UnsafeAddressError
        When the address is none, or plain HTTP to another machine.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        ca_file: Path | None = None,
        patience: Patience | None = None,
        show: Show | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        credential = Bearer(token) if token else None
        self._begin(Exchange(read_address(url, ca_file), credential, patience, sleep), show)

    def _begin(self, exchange: Exchange, show: Show | None) -> None:
        self.exchange = exchange
        self._show = show
        self.jobs = Jobs(exchange, show)
        self.feeds = Feeds(exchange)
        self.assessments = Assessments(exchange, self.jobs)
        self.plans = Plans(exchange, self.jobs)
        self.studies = Studies(exchange, self.jobs)
        self.places = Places(exchange)
        self.proactive = ProactiveUnit(exchange, self.jobs)
        self.fleets = Fleets(exchange)
        self.calendar = Calendar(exchange)
        self.actions = Actions(exchange)
        self.people = People(exchange)
        self.audit = AuditRecord(exchange)

    def signed_in(self, name: str, password: str) -> ServiceClient:
        """Return a client with the session of a person, which alone may approve.

        Raises
        ------
        NotSignedInError
            In the words of the service, when it does not take them.
        """
        return self._as(open_session(self._guest(), name, password))

    def first_signed_in(self, name: str, one_time_password: str, password: str) -> ServiceClient:
        """Replace a one-time password and return a client with the session of the person."""
        door = self._guest()
        session = open_session(door, name, one_time_password)
        replace_password(door, session, one_time_password, password)
        return self.signed_in(name, password)

    def sign_out(self) -> None:
        """End the session of :meth:`signed_in`.

        Raises
        ------
        NotSignedInError
            When this client has no session.
        """
        session = self.exchange.credential
        if not isinstance(session, PersonSession):
            raise NotSignedInError(401, {"detail": "this client has no session to end."})
        close_session(self.exchange, session)

    def health(self) -> Mapping[str, Any]:
        """Return whether the service answers."""
        found: Mapping[str, Any] = self.exchange.get("/health").json()
        return found

    def ready(self) -> Mapping[str, Any]:
        """Return whether the service can do its work, check by check; it need not be able to."""
        try:
            found: Mapping[str, Any] = self._impatient().get("/ready").json()
        except ServiceProblemError as problem:
            return problem.members
        return found

    def wait_until_ready(self, within_s: float = 60.0) -> None:
        """Wait until the service can do its work.

        Raises
        ------
        StillWorkingError
            When it could not within this time.
        """
        end_s = time.monotonic() + within_s
        while True:
            try:
                if self.ready().get("status") == "ready":
                    return
            except UnreachableError:
                pass  # it is still starting: that is what is waited for
            if time.monotonic() > end_s:
                raise StillWorkingError(
                    f"the service was not ready within {within_s:g} s. Remedy: look at its log."
                )
            self.exchange.sleep(LOOK_EVERY_S)

    def metrics(self) -> str:
        """Return the counts of the service for Prometheus; for administrators."""
        return self.exchange.get("/metrics", accept="text/plain").content.decode("utf-8")

    def interface(self) -> Mapping[str, Any]:
        """Return the description of the interface (OpenAPI)."""
        found: Mapping[str, Any] = self.exchange.get("/openapi.json").json()
        return found

    def get(self, path: str, query: Query | None = None) -> Answer:
        """Read any other address of the service."""
        return self.exchange.get(path, query, accept="*/*")

    def _as(self, credential: Credential) -> ServiceClient:
        mine = self.exchange
        made = object.__new__(ServiceClient)
        made._begin(Exchange(mine.address, credential, mine.patience, mine.sleep), self._show)
        return made

    def _guest(self) -> Exchange:
        mine = self.exchange
        return Exchange(mine.address, None, mine.patience, mine.sleep)

    def _impatient(self) -> Exchange:
        mine = self.exchange
        once = Patience(timeout_s=mine.patience.timeout_s, attempts=1)
        return Exchange(mine.address, mine.credential, once, mine.sleep)
