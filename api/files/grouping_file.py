"""Read a grouping of wards or boroughs that the meeting keeps as a lookup table."""

from __future__ import annotations

from pathlib import Path

from hotspots.feeds.whole_file import read_whole_text
from hotspots.groupings import Grouping, parse_grouping

MAX_BYTES = 2**20


def read_grouping(path: Path) -> Grouping:
    """Return the grouping in a CSV file, called by the name of the file.

    Raises
    ------
    InputRefusedError
        When the file is missing, too large, not text, or not a lookup table.
    """
    return parse_grouping(read_whole_text(path, max_bytes=MAX_BYTES), name=path.stem)
