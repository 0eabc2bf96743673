"""Templates into pages: everything escaped, nothing inline, strict content policy."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from api import wording
from api.envelope import PAGE_POLICY
from api.maps.escaping import visible


@cache
def templates() -> Environment:
    """Return the template environment: autoescaped, and a missing value is a fault."""
    environment = Environment(
        loader=PackageLoader("api.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.filters.update(
        british_date=wording.british_date,
        percent=wording.percent,
        rate=wording.rate,
        week_in_words=wording.week_in_words,
    )
    return environment


def page(
    template: str,
    values: Mapping[str, object],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a template filled in as a page under the strict content policy."""
    text = templates().get_template(template).render(values)
    return Response(
        text.encode("utf-8", "replace"),
        status,
        {"Content-Security-Policy": PAGE_POLICY, "Vary": "Cookie", **(headers or {})},
        media_type="text/html",
    )


def _visible(value: object) -> object:
    """Replace characters that reorder or hide text, so that no name can pretend to be another."""
    return visible(value) if type(value) is str else value
