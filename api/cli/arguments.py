"""Turn what was typed into values, or refuse it in one line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from allocator.errors import LockRefusedError
from hotspots.errors import AssessmentRefusedError, CoordinateSystemRefusedError

MARKING = re.compile(r"[A-Z][A-Z0-9 :/-]{0,79}")
LOCK = re.compile(r"(?P<unit>[A-Z0-9-]+)=(?P<codes>E09\d{6}(?:,E09\d{6})*)")


def parse_classification(text: str) -> str:
    """Return a marking that can stand at the head of every output."""
    if not MARKING.fullmatch(text):
        raise AssessmentRefusedError(
            f"--classification {text!r} is not a marking",
            remedy="write up to 80 capital letters, digits, blanks or : / -, for example "
            "OFFICIAL-SENSITIVE",
        )
    return text


def parse_locks(texts: Sequence[str], option: str = "--lock") -> dict[str, tuple[str, ...]]:
    """Return the boroughs of each unit from the ``UNIT=E09…[,E09…]`` texts of an option."""
    locks: dict[str, tuple[str, ...]] = {}
    for text in texts:
        found = LOCK.fullmatch(text.strip())
        if not found:
            raise LockRefusedError(
                f"{option} {text!r} is not of the form UNIT=E09…[,E09…]",
                remedy=f"write for example {option} ARV-04=E09000012,E09000014",
            )
        codes = (*locks.get(found["unit"], ()), *found["codes"].split(","))
        locks[found["unit"]] = tuple(sorted(set(codes)))
    return locks


def parse_epsg(text: str) -> int:
    """Return N of ``EPSG:N``."""
    found = re.fullmatch(r"(?:EPSG:)?(\d{4,6})", text.strip(), re.IGNORECASE)
    if not found:
        raise CoordinateSystemRefusedError(
            f"--crs {text!r} is not an EPSG code", remedy="write for example --crs EPSG:27700"
        )
    return int(found[1])


def parse_timezone(text: str) -> str:
    """Return the name of a time zone the machine knows."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as fault:
        raise AssessmentRefusedError(
            f"--timezone {text!r} is not a known time zone",
            remedy="write an IANA name, for example Europe/London",
        ) from fault
    return text
