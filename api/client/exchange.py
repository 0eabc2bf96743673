"""One request and its answer, sent again where that is safe and the service asks for it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import Any, Protocol
from urllib.parse import quote

from api.client.address import Address
from api.client.bodies import Body
from api.client.errors import (
    NotSignedInError,
    UnexpectedAnswerError,
    UnreachableError,
    problem_of,
)
from api.client.messages import JSON, Answer, Query, Request, pairs_of

_LARGEST_ANSWER = 2**30


class Credential(Protocol):
    """What proves who asks."""

    def headers(self, method: str, /) -> Mapping[str, str]:
        """Return the headers of a request of a method."""


class NoCredential:
    """Proves nothing; only what is open to everybody answers."""

    def headers(self, _method: str, /) -> Mapping[str, str]:
        """Return no headers."""
        return {}


@dataclass(frozen=True)
class Patience:
    """How long the client waits and how often it asks again.

    Attributes
    ----------
    timeout_s
        Seconds of silence after which a connection is given up.
    attempts
        How often one request is sent at most.
    longest_wait_s
        A longer ``Retry-After`` than this is not waited for; the problem is raised.
    """

    timeout_s: float = 300.0
    attempts: int = 5
    longest_wait_s: float = 90.0


class Exchange:
    """Sends requests to one service.

    Parameters
    ----------
    address
        Where the service is.
    credential
        What proves who asks.
    patience
        How long to wait, how often to ask again.
    sleep
        Waits so many seconds; :func:`time.sleep` by default.
    """

    def __init__(
        self,
        address: Address,
        credential: Credential | None = None,
        patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.address = address
        self.credential = credential or NoCredential()
        self.patience = patience or Patience()
        self.sleep = sleep

    def get(self, path: str, query: Query | None = None, *, accept: str = JSON) -> Answer:
        """Read something."""
        return self.send(Request("GET", path, pairs_of(query or {}), {"Accept": accept}))

    def post(
        self,
        path: str,
        body: Body | None,
        *,
        version: int | None = None,
        as_job: bool = False,
        key: str | None = None,
    ) -> Answer:
        """Change something, once: the request has a random ``Idempotency-Key`` unless given.

        Parameters
        ----------
        path, body
            Where and what.
        version
            Version of the record the step was decided on (``If-Match``).
        as_job
            Ask for a job instead of waiting (``Prefer: respond-async``).
        key
            Under which the service does the request only once.
        """
        headers = {"Accept": JSON, "Idempotency-Key": key or secrets.token_hex(16)}
        if version is not None:
            headers |= _match(version)
        if as_job:
            headers["Prefer"] = "respond-async"
        return self.send(Request("POST", path, (), headers, body))

    def put(
        self, path: str, body: Body, query: Query | None = None, *, version: int | None
    ) -> Answer:
        """Keep something under a name: new (``None``), or in the place of a version."""
        condition = {"If-None-Match": "*"} if version is None else _match(version)
        headers = {"Accept": JSON, **condition}
        return self.send(Request("PUT", path, pairs_of(query or {}), headers, body))

    def delete(
        self, path: str, query: Query | None = None, *, version: int | None = None
    ) -> Answer:
        """End or remove something, as it was read where it has versions."""
        headers = {"Accept": JSON, **(_match(version) if version is not None else {})}
        return self.send(Request("DELETE", path, pairs_of(query or {}), headers))

    def send(self, request: Request) -> Answer:
        """Send a request, again after 429 and 503 as ``Retry-After`` says, and return its answer.

        Raises
        ------
        ServiceProblemError
            The service's problem, in the class of its status.
        UnreachableError
            When nothing answers.
        UnexpectedAnswerError
            When something else than the service answers.
        """
        for attempt in range(1, self.patience.attempts + 1):
            last = attempt == self.patience.attempts
            try:
                answer = self._once(request)
            except ConnectionRefusedError as fault:
                raise self._unreachable(fault) from fault
            except (OSError, HTTPException) as fault:
                if last or not request.repeatable:
                    raise self._unreachable(fault) from fault
                self.sleep(_backoff_s(attempt))
                continue
            if answer.status < 300:
                return answer
            if answer.status < 400:
                raise _leads_elsewhere(answer)
            wait_s = None if last else self._wait_s(answer, attempt)
            if wait_s is None:  # else nothing was done, and it may be asked for again
                raise problem_of(answer.status, answer.content)
            self.sleep(wait_s)
        raise UnreachableError("no attempt is allowed. Remedy: give Patience at least one.")

    def send_form(self, request: Request) -> Answer:
        """Send a form of the pages once; the answer is a page, or leads on to one.

        Raises
        ------
        ServiceProblemError
            When the answer is a problem.
        UnreachableError
            When nothing answers.
        """
        try:
            answer = self._once(request)
        except (OSError, HTTPException) as fault:
            raise self._unreachable(fault) from fault
        if answer.status >= 400 and "html" not in answer.headers.get("content-type", ""):
            raise problem_of(answer.status, answer.content)
        return answer

    @contextmanager
    def stream(self, path: str, *, accept: str) -> Iterator[Iterator[bytes]]:
        """Yield the lines of a long answer as they come.

        Raises
        ------
        ServiceProblemError
            The service's problem.
        UnreachableError
            When the connection cannot be made.
        """
        request = Request("GET", path, (), {"Accept": accept})
        try:
            connection, response = self._open(request)
        except (OSError, HTTPException) as fault:
            raise self._unreachable(fault) from fault
        try:
            if response.status >= 400:
                raise problem_of(response.status, response.read())
            yield iter(response)
        finally:
            connection.close()

    def _once(self, request: Request) -> Answer:
        connection, response = self._open(request)
        try:
            content = response.read(_LARGEST_ANSWER + 1)
        finally:
            connection.close()
        if len(content) > _LARGEST_ANSWER:
            raise UnexpectedAnswerError(
                f"the answer is longer than {_LARGEST_ANSWER} bytes. Remedy: ask for less."
            )
        headers: HTTPMessage = response.headers
        plain = {name.lower(): value for name, value in headers.items()}
        return Answer(response.status, plain, tuple(headers.get_all("set-cookie") or ()), content)

    def _open(self, request: Request) -> tuple[Any, HTTPResponse]:
        connection = self.address.connect(self.patience.timeout_s)
        headers = {**request.headers, **self.credential.headers(request.method)}
        body = request.body
        if body is not None:
            headers |= {"Content-Type": body.media_type, "Content-Length": str(body.length)}
        target = quote(self.address.prefix) + request.target
        try:
            connection.request(
                request.method, target, body.pieces() if body else None, headers=headers
            )
            return connection, connection.getresponse()
        except BaseException:
            connection.close()
            raise

    def _wait_s(self, answer: Answer, attempt: int) -> float | None:
        """Return how long the service asks to wait, ``None`` when asking again is no use."""
        given = answer.headers.get("retry-after")
        if answer.status == 429:
            wait_s = _retry_after_s(given) if given else _backoff_s(attempt)
        elif answer.status == 503 and given:
            wait_s = _retry_after_s(given)
        else:
            return None
        return wait_s if wait_s <= self.patience.longest_wait_s else None

    def _unreachable(self, fault: Exception) -> UnreachableError:
        words = str(fault) or type(fault).__name__
        return UnreachableError(
            f"{self.address.origin} does not answer ({words}). Remedy: check the address and that "
            "the service runs (`arv serve`); for https, that ca_file names its authority."
        )


def _match(version: int) -> dict[str, str]:
    return {"If-Match": f'"{version}"'}


def _leads_elsewhere(answer: Answer) -> Exception:
    """Return the error of a redirect, which is never followed: it could carry a secret away."""
    target = answer.headers.get("location", "")
    if target.startswith("/sign-in") or target.startswith("/password"):
        words = "nobody is signed in, or the one-time password was not yet replaced"
        return NotSignedInError(401, {"detail": f"{words}. Remedy: sign in."})
    return UnexpectedAnswerError(
        f"the answer leads to {target[:200]!r}, which is not followed. "
        "Remedy: give the address of the service itself."
    )


def _backoff_s(attempt: int) -> float:
    return 0.5 * 2.0 ** (attempt - 1)


def _retry_after_s(text: str) -> float:
    """Return the seconds of a Retry-After (RFC 9110, section 10.2.3); an unreadable one is 1."""
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return 1.0
