"""Tables of the form for a roster: numbered rows of fields, with spare ones to type in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_ROWS = 500
_NUMBERED = re.compile(r"(?P<table>[a-z]+)-(?P<row>[1-9][0-9]{0,2})-(?P<column>[a-z_]+)", re.ASCII)


@dataclass(frozen=True)
class Row:
    """One row as the form shows it: its number and its texts by column."""

    number: int
    texts: Mapping[str, str]


@dataclass(frozen=True)
class Rows:
    """A table of the form.

    Attributes
    ----------
    name, words
        Of the table: in the names of its fields, and in a refusal.
    columns
        Columns in which a row is typed.
    kept
        Further columns, which by themselves make no row: a choice that is always made.
    shown, more
        Empty rows shown at once, and under a heading that opens.
    """

    name: str
    words: str
    columns: tuple[str, ...]
    kept: tuple[str, ...] = ()
    shown: int = 0
    more: int = 0

    def typed(self, text: Mapping[str, str]) -> list[tuple[dict[str, str], str]]:
        """Return the rows in which something was typed, each with what a refusal calls it."""
        return [
            (dict(row.texts), f"{self.words} {row.number}")
            for row in self._rows(text)
            if self._filled(row)
        ]

    def rows(self, text: Mapping[str, str]) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
        """Return the rows to show, as they were typed, and those that open below."""
        given = self._rows(text)
        last = max((row.number for row in given if self._filled(row)), default=0)
        by_number = {row.number: row for row in given}
        rows = [
            by_number.get(number, self._row(number, {}))
            for number in range(1, min(last + self.shown + self.more, MOST_ROWS) + 1)
        ]
        return tuple(rows[: last + self.shown]), tuple(rows[last + self.shown :])

    def fields(self, values: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """Return the fields of some rows, by name."""
        return {
            f"{self.name}-{number}-{column}": ""
            if value.get(column) is None
            else str(value[column])
            for number, value in enumerate(values, start=1)
            for column in (*self.columns, *self.kept)
        }

    def _rows(self, text: Mapping[str, str]) -> list[Row]:
        found: dict[int, dict[str, str]] = {}
        for name, value in text.items():
            place = _NUMBERED.fullmatch(name)
            if place and place["table"] == self.name and int(place["row"]) <= MOST_ROWS:
                found.setdefault(int(place["row"]), {})[place["column"]] = value
        return [self._row(number, texts) for number, texts in sorted(found.items())]

    def _row(self, number: int, texts: Mapping[str, str]) -> Row:
        return Row(number, {name: texts.get(name, "") for name in (*self.columns, *self.kept)})

    def _filled(self, row: Row) -> bool:
        return any(row.texts[name].strip() for name in self.columns)


TEAMS = Rows(
    "team", "Team", ("team_id", "sergeants", "constables"), ("shift_start", "days_in_a_row"), more=1
)
REQUESTS = Rows(
    "request", "Request", ("date", "where", "issue", "tactic"), ("requested_by", "request_id"),
    shown=2, more=4,
)  # fmt: skip
ABSENCES = Rows(
    "absence", "Leave", ("date", "inspectors", "sergeants", "constables", "reason"), ("team_id",),
    shown=1, more=3,
)  # fmt: skip
OVERRIDES = Rows("override", "Altered day", ("date", "where", "reason"), ("team_id",), more=2)
TABLES = (TEAMS, REQUESTS, ABSENCES, OVERRIDES)
