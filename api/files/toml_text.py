"""TOML that somebody sent, read in a time that its length bounds.

The reader of the standard library takes a time that grows with the square of the parts of a dotted
key: one key of a million signs keeps it busy for minutes.
"""

from __future__ import annotations

import tomllib
from typing import Any

#: A line of no file of ours has as many, be it of keys or of numbers.
MOST_DOTS = 100


def toml_table(text: str) -> dict[str, Any]:
    """Return the table of a text.

    Raises
    ------
    tomllib.TOMLDecodeError
        The text is not TOML, or a line of it has more than :data:`MOST_DOTS` full stops.
    RecursionError
        It is nested too deeply.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > MOST_DOTS:
            raise tomllib.TOMLDecodeError(
                f"more than {MOST_DOTS} full stops in one line (at line {number}, column 1)"
            )
    return tomllib.loads(text)
