"""A day as people write it, in ISO or British form."""

from __future__ import annotations

import re
from datetime import date

from hotspots.errors import AssessmentRefusedError

_FORMS = (
    re.compile(r"(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})", re.ASCII),
    re.compile(r"(?P<d>\d{2})/(?P<m>\d{2})/(?P<y>\d{4})", re.ASCII),
)


def parse_day(text: str, name: str) -> date:
    """Return the day in ISO (2026-11-23) or British (23/11/2026) form.

    Parameters
    ----------
    text
        What was written.
    name
        What the person calls the value, for the message.

    Raises
    ------
    AssessmentRefusedError
        When it is not a day of the calendar.
    """
    for form in _FORMS:
        if found := form.fullmatch(text.strip()):
            try:
                return date(int(found["y"]), int(found["m"]), int(found["d"]))
            except ValueError:
                break
    raise AssessmentRefusedError(
        f"{name} {text[:40]!r} is not a day of the calendar",
        remedy="write it as 2026-11-23 or 23/11/2026",
    )
