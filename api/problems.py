"""Every error as problem+json (RFC 9457), from one table of exception to status.

A refusal carries the same words as on the command line. A defect carries none of its own: the
person gets a request identifier, the log gets the rest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.responses import Response

from allocator.errors import PlanningRefusedError, PlanVerificationError
from api.jobs.errors import JobNotOverError, JobOverError, JobsFullError
from api.refusals import (
    AccessDeniedError,
    AccountConflictError,
    CredentialRefusedError,
    PlanChangedError,
    PlanConflictError,
    UnknownAccountError,
)
from api.store.errors import (
    CorruptStoreError,
    StaleRecordError,
    StoreRefusedError,
    StoreUnavailableError,
    UnknownRecordError,
)
from hotspots.errors import InputRefusedError

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:arv-tasking:problem:"


@dataclass(frozen=True)
class Problem:
    """One error as the client sees it. ``members`` are the extension members of RFC 9457."""

    status: int
    kind: str
    title: str
    detail: str
    members: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


class ProblemError(Exception):
    """Raised by an endpoint to answer with a problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.detail)


#: The one table: the first class that fits gives the status and, when fixed, the title.
STATUS: tuple[tuple[type[Exception], int, str | None], ...] = (
    (PlanVerificationError, 500, "A defect of the service"),
    (AccessDeniedError, 403, None),
    (CredentialRefusedError, 401, None),
    (PlanConflictError, 409, None),
    (UnknownAccountError, 404, None),
    (AccountConflictError, 409, None),
    (PlanChangedError, 412, None),
    (JobOverError, 409, None),
    (JobNotOverError, 409, None),
    (JobsFullError, 429, None),
    (UnknownRecordError, 404, None),
    (StaleRecordError, 412, None),
    (CorruptStoreError, 503, "The service cannot write or read its data"),
    (StoreUnavailableError, 503, "The service cannot write or read its data"),
    (PlanningRefusedError, 422, None),
    (InputRefusedError, 422, None),
    (OSError, 503, "The service cannot write or read its data"),
)

_PLACES = ("file", "row", "column", "value", "remedy")


def problem_of(fault: Exception) -> Problem:
    """Return the problem an exception stands for; anything not in the table is a defect.

    Parameters
    ----------
    fault
        What was raised.

    Returns
    -------
    Problem
        With the words of the refusal, or without any words of the defect.
    """
    if isinstance(fault, ProblemError):
        return fault.problem
    for kind, status, title in STATUS:
        if isinstance(fault, kind):
            return _tabled(fault, status, title)
    return defect()


def defect() -> Problem:
    """Return the problem of an unforeseen fault, which says nothing of the inside."""
    return Problem(
        500,
        "defect",
        "A defect of the service",
        "The request could not be finished because of a defect of the service, not of your "
        "input. Remedy: report the request_id; the service's log has the rest.",
    )


def http_problem(
    status: int, detail: str | None = None, headers: Mapping[str, str] | None = None
) -> Problem:
    """Return the problem of a plain HTTP status."""
    phrase = HTTPStatus(status).phrase
    kind = re.sub(r"[^a-z]+", "-", phrase.lower()).strip("-")
    return Problem(status, kind, phrase, detail or phrase, headers=dict(headers or {}))


def still_starting() -> Problem:
    """Return the problem of a request that came before the service had opened its record."""
    words = "the service is still starting. Remedy: try again in a moment; GET /ready says when."
    return http_problem(503, words, {"Retry-After": "2"})


def request_refused(problem: str, remedy: str, column: str | None = None) -> Problem:
    """Return the problem of a request that cannot be done as asked.

    Parameters
    ----------
    problem, remedy
        What is wrong with which value, and what to do, each a clause without its full stop.
    column
        The parameter or member at fault, where it is one.
    """
    where = f"{column}: " if column else ""
    return Problem(
        422,
        "request-refused",
        "Request refused",
        f"{where}{problem}. Remedy: {remedy}.",
        {"column": column, "remedy": remedy},
    )


def problem_response(problem: Problem, request_id: str) -> Response:
    """Return the response of a problem, with the identifier to quote in a report."""
    body = {
        **{name: value for name, value in problem.members.items() if value is not None},
        "type": TYPE_PREFIX + problem.kind,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "request_id": request_id,
    }
    text = json.dumps(body, sort_keys=True, allow_nan=False)
    headers = {"Cache-Control": "no-store", **problem.headers}
    return Response(text, problem.status, headers, media_type=MEDIA_TYPE)


def _tabled(fault: Exception, status: int, title: str | None) -> Problem:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        if isinstance(fault, OSError):
            return _disk_problem(fault, status, title or "")
        if isinstance(fault, StoreRefusedError):
            said = fault.problem
            if isinstance(fault, StoreUnavailableError):  # in brackets: hosts, accounts and paths
                said = said.partition(" (")[0]
            words = f"{said}. Remedy: {fault.remedy}."
            return Problem(status, "storage", title or "", words, headers={"Retry-After": "5"})
        return defect()
    kind = _kind_of(type(fault))
    places = {name: _plain(getattr(fault, name, None)) for name in _PLACES}
    return Problem(status, kind, title or _title_of(kind), str(fault), members=places)


def _disk_problem(fault: OSError, status: int, title: str) -> Problem:
    reason = (fault.strerror or "input or output failed").lower()
    return Problem(
        status,
        "storage",
        title,
        f"The service could not use its storage ({reason}); nothing was changed. "
        "Remedy: free space or mend the permissions of the data directory, then try again.",
        headers={"Retry-After": "30"},
    )


def _kind_of(kind: type[Exception]) -> str:
    name = kind.__name__.removesuffix("Error")
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def _title_of(kind: str) -> str:
    return kind.replace("-", " ").capitalize()


def _plain(value: object) -> object:
    """Return a value JSON can hold: numbers and short texts as they are, the rest as text."""
    if value is None:
        return None
    if isinstance(value, bool | int):  # one of thousands of digits cannot be written out
        return value if value.bit_length() <= 64 else f"an integer of {value.bit_length():,} bits"
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 200 else text[:199] + "…"
