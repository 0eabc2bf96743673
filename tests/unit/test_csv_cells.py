"""No cell of any CSV the product gives is run by a spreadsheet, however it reads line ends."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.files.tables import csv_text

SIGNS = "=+-@\t\r\n＝＋－＠"
TEXTS = st.text(st.sampled_from(SIGNS + "ab1,;\"' é"), max_size=8)


def lenient_cells(text: str) -> list[str]:
    """Return the cells as a reader finds them that takes any bare line end for a new row.

    An independent reader: a state machine over the characters, quotes doubled inside quotes.
    """
    cells, cell, quoted, at = [], "", False, 0
    while at < len(text):
        character = text[at]
        if quoted and text[at : at + 2] == '""':
            cell, at = cell + '"', at + 1
        elif character == '"':
            quoted = not quoted
        elif not quoted and character in ",\n\r":
            cells.append(cell)
            cell = ""
        else:
            cell += character
        at += 1
    return [*cells, cell]


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4), TEXTS)
def test_no_cell_begins_with_a_sign(rows: list[tuple[str, str]], heading: str) -> None:
    text = csv_text(pd.DataFrame(rows, columns=[heading, "b" + heading]))
    for cell in lenient_cells(text):
        assert not cell.startswith(tuple(SIGNS)), (rows, text)
    read = list(csv.reader(io.StringIO(text)))
    assert len([row for row in read if row]) >= 1
    assert all(len(row) in (0, 2) for row in read)


@pytest.mark.parametrize("cell", ["x\r=1+1", "x\r\n@SUM(1)", "x\r\r-2"])
def test_a_carriage_return_begins_no_row(cell: str) -> None:
    text = csv_text(pd.DataFrame({"reason": [cell]}))
    assert "\r" not in text
    assert len(list(csv.reader(io.StringIO(text)))) == 2


def test_numbers_stay_numbers() -> None:
    text = csv_text(pd.DataFrame({"n": [-1.5, 2.0], "t": ["-1.5", "ok"]}))
    assert text == "n,t\n-1.5,'-1.5\n2.0,ok\n"
