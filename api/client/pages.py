"""Lists that come a page at a time, followed to their end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from api.client.errors import UnexpectedAnswerError
from api.client.exchange import Exchange
from api.client.messages import Answer, Query

#: Most rows a page of a list may hold.
ROWS = 500
_NEXT = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next"?')


def pages(
    exchange: Exchange, path: str, query: Query | None = None, *, accept: str = "application/json"
) -> Iterator[Mapping[str, Any]]:
    """Yield the pages of a list, each as its JSON object.

    Parameters
    ----------
    exchange
        Sends the requests.
    path, query
        Where the list is; ``limit`` is :data:`ROWS` unless the query has one.
    accept
        Media type of the pages.
    """
    wanted: Query = {"limit": ROWS} | dict(query or {})
    while True:
        answer = exchange.get(path, wanted, accept=accept)
        page = answer.json()
        if not isinstance(page, dict):
            raise UnexpectedAnswerError("a page is no object. Remedy: check the address.")
        yield page
        following = next_query(answer)
        if following is None:
            return
        if following == wanted:
            raise UnexpectedAnswerError("the list leads to the same page again.")
        wanted = following


def from_day(filters: Mapping[str, object]) -> Query:
    """Return filters in which ``first_day`` is `from`, a word Python keeps for itself."""
    return {("from" if name == "first_day" else name): one for name, one in filters.items()}


def next_query(answer: Answer) -> Query | None:
    """Return the query of the next page (header ``Link``, or the link in the body)."""
    found = _NEXT.search(answer.headers.get("link", ""))
    target = found[1] if found else _linked(answer)
    if not target:
        return None
    query: dict[str, Any] = {}
    for name, value in parse_qsl(urlsplit(target).query):
        query[name] = [*query[name], value] if name in query else [value]
    return query


def _linked(answer: Answer) -> str:
    page = answer.json()
    links = page.get("links", []) if isinstance(page, dict) else []
    return next((str(one["href"]) for one in links if one.get("rel") == "next"), "")
