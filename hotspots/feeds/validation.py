"""Row checks: each bad row is refused once, with its value, the reason and the remedy."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hotspots.errors import FeedRefusedError
from hotspots.feeds.options import ReadOptions
from hotspots.feeds.table import Table
from hotspots.incidents import Rejection

_VALUE_LIMIT = 80
NUMBER_PATTERN = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"


class RowChecks:
    """Collects the refused rows of one table; the first failed check of a row counts.

    Attributes
    ----------
    ok
        bool (n_rows,): rows not refused so far.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.ok: NDArray[np.bool_] = np.ones(len(table.frame), dtype=bool)
        self._rejected: list[Rejection] = list(table.rejected)

    def refuse(
        self,
        bad: NDArray[np.bool_],
        column: str,
        reason: str | NDArray[np.object_],
        remedy: str,
        *,
        expected: bool = False,
        shown: NDArray[np.object_] | None = None,
    ) -> None:
        """Refuse the rows where ``bad`` is true and that no earlier check refused.

        Parameters
        ----------
        bad
            bool (n_rows,).
        reason
            One text, or object (n_rows,) with a text for each row.
        expected
            True for rows the public format cannot place by its nature.
        shown
            object (n_rows,): value to show instead of that of ``column``.
        """
        at = np.flatnonzero(bad & self.ok)
        if not at.size:
            return
        self.ok[at] = False
        values = self._values(at, column) if shown is None else shown[at]
        reasons = [reason] * at.size if isinstance(reason, str) else list(reason[at])
        self._rejected.extend(
            Rejection(
                file=self.table.file,
                row=int(row),
                column=column,
                value=str(value)[:_VALUE_LIMIT],
                reason=str(why),
                remedy=remedy,
                expected=expected,
            )
            for row, value, why in zip(self.table.rows[at], values, reasons, strict=True)
        )

    def _values(self, at: NDArray[np.intp], column: str) -> NDArray[np.object_]:
        if column not in self.table.frame:
            return np.full(at.size, "", dtype=object)
        return np.asarray(self.table.frame[column].iloc[at], dtype=object)

    def rejected(self) -> tuple[Rejection, ...]:
        """Return every refused row so far, in the order of the file."""
        return tuple(sorted(self._rejected, key=lambda r: (r.file, r.row, r.column)))


def refuse_or_report(
    rejected: tuple[Rejection, ...], accepted: int, file: str, options: ReadOptions
) -> None:
    """Raise for the first malformed row when asked to refuse, or when nothing is left.

    Raises
    ------
    FeedRefusedError
        Names row, column, value, reason, remedy and how many other rows were refused.
    """
    malformed = [r for r in rejected if not r.expected]
    if malformed and options.on_rejected == "refuse":
        raise _refusal(malformed[0], len(malformed) - 1, "")
    if accepted:
        return
    if rejected:
        raise _refusal((malformed or list(rejected))[0], len(rejected) - 1, "no row is usable: ")
    raise FeedRefusedError(
        "the file holds no usable row", remedy="export the feed again", file=file
    )


def _refusal(first: Rejection, others: int, prefix: str) -> FeedRefusedError:
    also = f" ({others:,} other row{'s' * (others != 1)} refused too)" if others else ""
    return FeedRefusedError(
        f"{prefix}{first.reason}{also}",
        remedy=first.remedy,
        file=first.file,
        row=first.row,
        column=first.column or None,
        value=first.value or None,
    )


def parse_numbers(texts: pd.Series) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Read decimal numbers.

    Returns
    -------
    numbers, malformed
        float64 (n,), NaN where blank or malformed; bool (n,) true for texts that are neither
        blank nor a finite decimal number (NaN and infinity are malformed).
    """
    blank = texts.eq("").to_numpy(dtype=bool)
    good = texts.str.fullmatch(NUMBER_PATTERN).to_numpy(dtype=bool) & ~blank
    numbers = np.full(len(texts), np.nan)
    numbers[good] = pd.to_numeric(texts[good], errors="coerce").to_numpy(dtype=np.float64)
    good &= np.isfinite(numbers)
    numbers[~good] = np.nan
    return numbers, ~good & ~blank


def check_vocabulary(
    checks: RowChecks, column: str, known: tuple[str, ...], *, blank_allowed: bool = False
) -> pd.Series:
    """Refuse rows whose word is not in ``known``; return the words in the known spelling."""
    words = checks.table.frame[column].str.casefold()
    spelling = {word.casefold(): word for word in known}
    blank = words.eq("").to_numpy(dtype=bool)
    if not blank_allowed:
        checks.refuse(blank, column, f"{column} is blank", f"give one of {', '.join(known)}")
    unknown = ~words.isin(list(spelling)).to_numpy(dtype=bool) & ~blank
    checks.refuse(unknown, column, f"unknown {column}", f"use one of {', '.join(known)}")
    return words.map(spelling).fillna("")
