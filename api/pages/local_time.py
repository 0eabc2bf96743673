"""Moments as people in London read them on a clock."""

from __future__ import annotations

from datetime import datetime

from api.service import LONDON
from api.wording import british_date


def london_moment(moment: datetime, *, seconds: bool = False) -> str:
    """Return, for example, ``23 November 2026, 14:05``; in summer time it says BST.

    Parameters
    ----------
    moment
        With its offset from UTC.
    seconds
        Whether the seconds are shown.
    """
    local = moment.astimezone(LONDON)
    clock = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    zone = " BST" if local.tzname() == "BST" else ""
    return f"{british_date(local.date())}, {clock}{zone}"
