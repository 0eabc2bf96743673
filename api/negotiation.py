"""Which form of an answer a client gets (RFC 9110, section 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from api.problems import Problem, ProblemError

JSON, HTML = "application/json", "text/html"
GEOJSON, CSV, PDF = "application/geo+json", "text/csv", "application/pdf"

_RANGE = re.compile(r"\s*([\w!#$&^.+*-]+)/([\w!#$&^.+*-]+)\s*((?:;[^,]*)?)")
_QUALITY = re.compile(r";\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)", re.IGNORECASE)
_MOST_RANGES = 32


@dataclass(frozen=True)
class _Range:
    kind: str
    subtype: str
    quality: float

    def precision(self, media_type: str) -> int:
        """Return how closely the range names a media type: 3 exactly, 1 anything, 0 not."""
        kind, subtype = media_type.split("/")
        if (self.kind, self.subtype) == (kind, subtype):
            return 3
        if (self.kind, self.subtype) == (kind, "*"):
            return 2
        return 1 if (self.kind, self.subtype) == ("*", "*") else 0


def choose(accept: str | None, offered: Sequence[str]) -> str:
    """Return the offered media type the client likes best, the first one when it has no wish.

    Parameters
    ----------
    accept
        The request's Accept header.
    offered
        Media types the endpoint can give, the default first.

    Raises
    ------
    ProblemError
        406 when the client accepts none of them.
    """
    ranges = _ranges(accept or "*/*")
    if not ranges:
        return offered[0]
    best = max(offered, key=lambda media_type: _quality(ranges, media_type))
    if _quality(ranges, best) <= 0:
        raise ProblemError(
            Problem(
                406,
                "not-acceptable",
                "Not acceptable",
                f"this address cannot answer in the form asked for. Remedy: accept one of "
                f"{', '.join(offered)}.",
            )
        )
    return best


def prefers_html(accept: str | None) -> bool:
    """Return whether a client asks for a page before JSON, as browsers do."""
    ranges = _ranges(accept or "*/*")
    return bool(ranges) and _quality(ranges, HTML) > _quality(ranges, JSON)


def _ranges(accept: str) -> list[_Range]:
    found = []
    for part in accept.split(",")[:_MOST_RANGES]:
        if matched := _RANGE.fullmatch(part):
            quality = _QUALITY.search(matched[3])
            weight = float(quality[1]) if quality else 1.0
            found.append(_Range(matched[1].lower(), matched[2].lower(), weight))
    return found


def _quality(ranges: Sequence[_Range], media_type: str) -> float:
    fitting = [(one.precision(media_type), one.quality) for one in ranges]
    precision, quality = max(fitting)
    return quality if precision else 0.0
