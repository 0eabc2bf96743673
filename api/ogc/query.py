"""What a GIS asks of a collection, read strictly: OGC API Features refuses with status 400."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import NoReturn

from starlette.requests import Request

from api.ogc.crs import CRS84, SYSTEMS, Box, Crs, boxes_of
from api.problems import ProblemError, http_problem
from api.service import LONDON

MOST, USUAL = 1_000, 100
_DAY = r"\d{4}-\d{2}-\d{2}"
_TIME = re.compile(
    rf"{_DAY}(?:[Tt]\d{{2}}:\d{{2}}:\d{{2}}(?:\.\d{{1,9}})?(?:[Zz]|[+-]\d{{2}}:\d{{2}}))?", re.ASCII
)
_TICK = timedelta(microseconds=1)
_FORMS = frozenset({"json", "geojson"})
ITEM_NAMES = frozenset({"crs", "f"})
ITEMS_NAMES = ITEM_NAMES | {"bbox", "bbox-crs", "datetime", "limit", "after"}


@dataclass(frozen=True)
class ItemsQuery:
    """Which features of a collection are asked for, and in which system.

    Attributes
    ----------
    limit, after
        The page: at most so many features whose id comes after one (empty: from the first).
    boxes, bbox_crs
        Only what meets one of these boxes of a system; ``None`` for everywhere.
    start, before
        Only what is of this span of time, its end excluded; ``None`` where it is open.
    crs
        The system of the answer.
    """

    limit: int = USUAL
    after: str = ""
    boxes: tuple[Box, ...] | None = None
    bbox_crs: Crs = CRS84
    start: datetime | None = None
    before: datetime | None = None
    crs: Crs = CRS84


def items_query(request: Request) -> ItemsQuery:
    """Return what a request asks of a collection.

    Raises
    ------
    ProblemError
        400 for a parameter that is unknown, given twice, or has no such value.
    """
    given = _given(request, ITEMS_NAMES)
    bbox_crs = _system(given, "bbox-crs")
    start, before = _span(given["datetime"]) if "datetime" in given else (None, None)
    return ItemsQuery(
        limit=_limit(given.get("limit", str(USUAL))),
        after=given.get("after", ""),
        boxes=boxes_of(_corners(given["bbox"], bbox_crs), bbox_crs) if "bbox" in given else None,
        bbox_crs=bbox_crs,
        start=start,
        before=before,
        crs=_system(given, "crs"),
    )


def item_crs(request: Request) -> Crs:
    """Return the system in which a request asks for one feature.

    Raises
    ------
    ProblemError
        400 as :func:`items_query`.
    """
    return _system(_given(request, ITEM_NAMES), "crs")


def check_plain(request: Request) -> None:
    """Refuse parameters where only the form of the answer may be given.

    Raises
    ------
    ProblemError
        400 as :func:`items_query`.
    """
    _given(request, frozenset({"f"}))


def _given(request: Request, names: frozenset[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in names:
            known = ", ".join(sorted(names))
            _refuse(f"there is no parameter {name[:40]!r}", f"use one of {known}")
        if name in given:
            _refuse(f"{name} is given twice", "give it once")
        given[name] = value
    if given.get("f", "json") not in _FORMS:
        _refuse(f"f={given['f'][:40]!r} is no form of the answer", "leave it out: it is JSON")
    return given


def _limit(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or int(text) < 1:
        _refuse(f"limit {text[:40]!r} is no number above 0", f"ask for 1 to {MOST:,}")
    return min(int(text), MOST)  # the standard gives less rather than refuse more


def _system(given: dict[str, str], name: str) -> Crs:
    uri = given.get(name, CRS84.uri)
    if uri not in SYSTEMS:
        _refuse(f"{name} {uri[:100]!r} is not offered", f"use one of {', '.join(SYSTEMS)}")
    return SYSTEMS[uri]


def _corners(text: str, crs: Crs) -> Box:
    """Return the four corners; of a box with heights, those on the ground."""
    try:
        numbers = [float(one) for one in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (4, 6) or not all(math.isfinite(one) for one in numbers):
        _refuse(f"bbox {text[:80]!r} is not four numbers", "write west,south,east,north")
    half = len(numbers) // 2
    first, second, third, fourth = numbers[0], numbers[1], numbers[half], numbers[half + 1]
    latitude = 0 if crs.latitude_first else 1  # longitudes may cross the 180th meridian
    backwards = (first > third, second > fourth)
    if backwards[latitude] if crs.geographic else any(backwards):
        _refuse(f"bbox {text[:80]!r} runs backwards", "write the lower corner first")
    return first, second, third, fourth


def _span(text: str) -> tuple[datetime | None, datetime | None]:
    """Return the span of an instant, a day in London, or an interval, its end excluded."""
    parts = text.split("/")
    if len(parts) > 2:
        _refuse(f"datetime {text[:80]!r} has more than two ends", "write START/END")
    ends = [None if len(parts) == 2 and one in ("", "..") else _moments(one) for one in parts]
    start = ends[0][0] if ends[0] else None
    before = ends[-1][1] if ends[-1] else None
    if start and before and start >= before:
        _refuse(f"datetime {text[:80]!r} ends before it starts", "write the earlier first")
    return start, before


def _moments(text: str) -> tuple[datetime, datetime]:
    """Return when a moment or a London day begins, and the first moment after it."""
    try:
        if not _TIME.fullmatch(text):
            raise ValueError("not RFC 3339")
        found = datetime.fromisoformat(text.upper())
        if len(text) > len("2026-11-23"):
            moment = found.astimezone(UTC)
            return moment, moment + _TICK
        return _midnight(found), _midnight(found + timedelta(days=1))
    except (ValueError, OverflowError):
        _refuse(
            f"datetime {text[:80]!r} is no moment",
            "write 2026-11-23T00:00:00Z, a day, START/END, ../END or START/..",
        )


def _midnight(day: datetime) -> datetime:
    return datetime.combine(day.date(), time(), LONDON).astimezone(UTC)


def _refuse(problem: str, remedy: str) -> NoReturn:
    raise ProblemError(http_problem(400, f"{problem}. Remedy: {remedy}."))
