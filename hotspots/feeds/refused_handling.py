"""Under which handling code refused rows stand, as far as they can be read.

A refused row tells what its record said. Where a file carries handling codes, a row whose code is
missing or unreadable may be under conditions: it is taken to be, whatever an accepted row without
a code means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from hotspots.feeds.grading import HANDLING_CODES
from hotspots.feeds.table import Table
from hotspots.incidents import Rejection

COLUMN, CONDITIONS = "handling_code", "C"


def with_codes(rejected: Sequence[Rejection], table: Table) -> tuple[Rejection, ...]:
    """Return refused rows of a table with their handling code: ``C``, or empty for none.

    Parameters
    ----------
    rejected
        Rows of ``table`` that were refused.
    table
        The file as it was read, with its own columns.
    """
    names = [name for name in table.frame.columns if str(name).casefold() == COLUMN]
    if not names and COLUMN not in (name.casefold() for name in table.unreadable_columns):
        return tuple(rejected)
    codes = table.frame[names[0]].str.upper().map(HANDLING_CODES) if names else pd.Series(dtype=str)
    free = {int(row) for row, code in zip(table.rows, codes, strict=False) if code == "P"}
    return tuple(
        one if one.row in free else replace(one, handling_code=CONDITIONS) for one in rejected
    )


def with_codes_of(rejected: Sequence[Rejection], records: pd.DataFrame) -> tuple[Rejection, ...]:
    """Return refused rows with the handling code that their sound records carry.

    Parameters
    ----------
    rejected
        Rows that were read without fault and left out because of other rows.
    records
        Among others these rows, in ``RECORD_DTYPES``.
    """
    coded = records[records[COLUMN].eq(CONDITIONS).fillna(False).to_numpy(dtype=bool)]
    places = set(zip(coded["file"], coded["row"], strict=True))
    return tuple(
        replace(one, handling_code=CONDITIONS) if (one.file, one.row) in places else one
        for one in rejected
    )
