"""Long lists a page at a time: a limit, a cursor that only this service understands, and a link.

A cursor is the sort key of the last row shown, so that rows added meanwhile shift nothing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import Query
from starlette.requests import Request

from api.problems import Problem, ProblemError, request_refused

Row = TypeVar("Row")

MOST_ROWS, ROWS = 500, 50
LONGEST_CURSOR = 600

LimitQuery = Annotated[int, Query(ge=1, le=MOST_ROWS, description="Most rows of one page.")]
CursorQuery = Annotated[
    str,
    Query(max_length=LONGEST_CURSOR, description="Where to go on, from the link of a page."),
]


@dataclass(frozen=True)
class Page:
    """One page of a list: its rows, and the headers with the link to the next, if any."""

    rows: list[Any]
    next_address: str | None

    @property
    def headers(self) -> dict[str, str]:
        """Return the ``Link`` header (RFC 8288)."""
        if self.next_address is None:
            return {}
        return {"Link": f'<{self.next_address}>; rel="next"'}

    def links(self, request: Request) -> list[dict[str, str]]:
        """Return the links of the body: this page and the next."""
        query = f"?{request.url.query}" if request.url.query else ""
        here = [{"rel": "self", "href": f"{request.url.path}{query}"}]
        if self.next_address is not None:
            here.append({"rel": "next", "href": self.next_address})
        return here


def page_of(
    request: Request, found: Sequence[Row], limit: int, key: Callable[[Row], tuple[str, ...]]
) -> Page:
    """Return the page of a request.

    Parameters
    ----------
    request
        Its address and query are kept in the link to the next page.
    found
        Rows behind the cursor, in order: ``limit + 1`` of them when there are more.
    limit
        Most rows shown.
    key
        Sort key of a row as texts, given back by :func:`position` for the next page.
    """
    rows = list(found[:limit])
    if len(found) <= limit or not rows:
        return Page(rows, None)
    following = request.url.include_query_params(cursor=cursor(key(rows[-1])))
    return Page(rows, f"{following.path}?{following.query}")


def cursor(key: Sequence[str]) -> str:
    """Return the cursor of a sort key."""
    text = json.dumps(list(key), separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def position(given: str, parts: int) -> tuple[str, ...] | None:
    """Return the sort key a cursor stands for, ``None`` for the first page.

    Parameters
    ----------
    given
        The cursor; empty for the first page.
    parts
        How many texts the key has.

    Raises
    ------
    ProblemError
        422 when it is not a cursor of this list.
    """
    if not given:
        return None
    try:
        padded = given.encode("ascii") + b"=" * (-len(given) % 4)
        key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError) as fault:
        raise ProblemError(no_cursor()) from fault
    if not isinstance(key, list) or len(key) != parts or not all(_text(one) for one in key):
        raise ProblemError(no_cursor())
    return tuple(key)


def moment(text: str) -> datetime:
    """Return the moment in a cursor, in UTC.

    Raises
    ------
    ProblemError
        422 when it is none.
    """
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ProblemError(no_cursor())
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as fault:  # the first and last hours of all time are none
        raise ProblemError(no_cursor()) from fault


def _text(one: object) -> bool:
    return isinstance(one, str) and one.isprintable() and one.isascii()


def no_cursor() -> Problem:
    """Return the problem of a cursor that belongs to another list, or is none."""
    remedy = "take the cursor from the Link header of a page, or leave it out for the first page"
    return request_refused("it is not a cursor of this list", remedy, "cursor")
