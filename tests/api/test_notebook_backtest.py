"""The notebook on the backtest: runs whole, draws marked pictures, and leaks nothing."""

from __future__ import annotations

import re

import nbformat
import pytest

from tests.api import notebook_runner as runner


@pytest.fixture(scope="module")
def notebook() -> nbformat.NotebookNode:
    return runner.executed("03_backtest")


def test_it_runs_draws_and_leaks_nothing(notebook: nbformat.NotebookNode) -> None:
    runner.assert_no_error_or_warning(notebook)
    drawn = runner.pictures(notebook)
    assert len(drawn) == 2
    for picture in drawn:
        runner.assert_drawn(picture)
    for cell in runner.drawing_cells(notebook):
        runner.assert_marked_and_titled(cell)
    said = runner.said(notebook)
    assert "Changed by records of the future: nothing" in said
    level = re.search(r"Expected ([\d,]+), happened ([\d,]+)", said)
    assert level
    expected, happened = (int(one.replace(",", "")) for one in level.groups())
    assert 0.85 < happened / expected < 1.15
