"""What is asked and what comes back: a request and its answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from api.client.bodies import Body, plain
from api.client.errors import UnexpectedAnswerError

JSON = "application/json"
MARKING = "x-"
#: Headers that begin like a marking and are none.
_NO_MARKING = frozenset({"x-content-type-options", "x-frame-options", "x-request-id"})
Query = Mapping[str, object]
#: West, south, east, north.
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Request:
    """What is asked: a path under the address, with its query, headers and body."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None

    @property
    def target(self) -> str:
        """Path and query as they are sent."""
        return self.path + (f"?{urlencode(self.query)}" if self.query else "")

    @property
    def repeatable(self) -> bool:
        """True when sending it again after a broken connection does nothing twice."""
        return self.method == "GET" or "Idempotency-Key" in self.headers


@dataclass(frozen=True)
class Answer:
    """What came back. Names of headers are lower case."""

    status: int
    headers: Mapping[str, str]
    cookies: tuple[str, ...]
    content: bytes

    def json(self) -> Any:
        """Return the content as JSON values.

        Raises
        ------
        UnexpectedAnswerError
            When it is none.
        """
        try:
            return json.loads(self.content)
        except ValueError as fault:
            raise UnexpectedAnswerError(
                "the answer is not JSON. Remedy: check that the address is that of the service."
            ) from fault

    @property
    def marking(self) -> dict[str, str]:
        """Classification, run, policy version and freshness, by header name."""
        return {
            name: value
            for name, value in self.headers.items()
            if name.startswith(MARKING) and name not in _NO_MARKING
        }


def segment(text: str) -> str:
    """Return a text as one segment of a path."""
    return quote(text, safe="")


def pairs_of(query: Query) -> tuple[tuple[str, str], ...]:
    """Return the parameters that are given; of a list one each."""
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        if value is None or value == "":
            continue
        several = value if isinstance(value, list | tuple) else [value]
        pairs += [(name, plain(one)) for one in several]
    return tuple(pairs)


def corners(box: Box | None) -> str | None:
    """Return a box as a query has it, with all the digits it was given."""
    return ",".join(str(float(one)) for one in box) if box is not None else None
