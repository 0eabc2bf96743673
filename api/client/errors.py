"""What can go wrong between a notebook and the service, each with the way out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


class ClientError(Exception):
    """Something the client or the service could not do; the message ends with the remedy."""


class UnsafeAddressError(ClientError):
    """The address would send a secret where others can read it, or is no address."""


class UnreachableError(ClientError):
    """Nothing answered at the address, or the connection broke."""


class UnexpectedAnswerError(ClientError):
    """Something answered that is not the service, or not in the form it promises."""


class JobDismissedError(ClientError):
    """Somebody ended the job before it had found anything."""


class StillWorkingError(ClientError):
    """A job or the start of the service took longer than the caller wanted to wait."""


class ServiceProblemError(ClientError):
    """The service answered with a problem (RFC 9457).

    Attributes
    ----------
    status
        Status of the answer.
    kind
        Last part of the problem's type, for example ``fleet-refused``.
    detail
        What is wrong and the remedy, in the words of the service.
    remedy
        The remedy alone, where the service names it apart; else empty.
    request_id
        What to quote in a report.
    members
        All members of the problem: ``file``, ``row``, ``column``, ``errors`` and others.
    """

    def __init__(self, status: int, members: Mapping[str, Any]) -> None:
        self.status = status
        self.members = dict(members)
        self.kind = str(members.get("type", "")).rpartition(":")[2]
        self.detail = str(members.get("detail") or members.get("title") or "no words were given")
        self.remedy = str(members.get("remedy") or "")
        self.request_id = str(members.get("request_id") or "")
        super().__init__(f"{status}: {self.detail}")


class NotSignedInError(ServiceProblemError):
    """401: no token, or a wrong one, or the session is over."""


class NotAllowedError(ServiceProblemError):
    """403: the rules of access do not allow it."""


class NotFoundError(ServiceProblemError):
    """404: there is no such plan, week, receipt or address."""


class ConflictError(ServiceProblemError):
    """409: the state of the record forbids it."""


class ChangedMeanwhileError(ServiceProblemError):
    """412: somebody changed the record since it was read. Read it again, then decide anew."""


class TooLargeError(ServiceProblemError):
    """413: the body or the number of files is over the limit."""


class RefusedError(ServiceProblemError):
    """422: the input is refused, with row, value and remedy."""


class TooManyRequestsError(ServiceProblemError):
    """429: still too many requests or jobs after waiting as the service asked."""


class DefectError(ServiceProblemError):
    """500: a defect of the service; report ``request_id``."""


class UnavailableError(ServiceProblemError):
    """503: busy, starting or without disk, also after waiting as the service asked."""


_KINDS: Mapping[int, type[ServiceProblemError]] = {
    401: NotSignedInError,
    403: NotAllowedError,
    404: NotFoundError,
    409: ConflictError,
    412: ChangedMeanwhileError,
    413: TooLargeError,
    422: RefusedError,
    429: TooManyRequestsError,
    500: DefectError,
    503: UnavailableError,
}


def problem_of(status: int, body: bytes) -> ServiceProblemError:
    """Return the error an answer of status 400 and above stands for.

    Parameters
    ----------
    status
        Status of the answer.
    body
        Its body: problem+json, or anything else when a proxy answered in place of the service.
    """
    try:
        members = json.loads(body)
    except ValueError:
        members = None
    if not isinstance(members, dict):
        words = body[:200].decode("utf-8", "replace").strip()
        members = {"detail": f"the answer is no problem+json: {words!r}"}
    return _KINDS.get(status, ServiceProblemError)(status, members)
