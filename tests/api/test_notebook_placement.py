"""The notebook on what-ifs: runs whole, draws its pictures, and its prices make sense."""

from __future__ import annotations

import re

import nbformat
import pytest

from tests.api import notebook_runner as runner


@pytest.fixture(scope="module")
def notebook() -> nbformat.NotebookNode:
    return runner.executed("04_placement")


@pytest.fixture(scope="module")
def said(notebook: nbformat.NotebookNode) -> str:
    return runner.said(notebook)


def test_it_runs_without_an_error_or_a_warning(notebook: nbformat.NotebookNode) -> None:
    runner.assert_no_error_or_warning(notebook)


def test_every_picture_is_drawn_marked_and_titled(notebook: nbformat.NotebookNode) -> None:
    drawn, drawing = runner.pictures(notebook), runner.drawing_cells(notebook)
    assert len(drawn) == len(drawing) == 4
    for cell in drawing:
        runner.assert_marked_and_titled(cell)
    for picture in drawn:
        runner.assert_drawn(picture)


def test_less_never_covers_more(said: str) -> None:
    fewer = re.search(r"One vehicle fewer costs ([\d.]+) points, two cost ([\d.]+)", said)
    lock = re.search(r"Cheapest lock (-?[\d.]+) points, dearest (-?[\d.]+)", said)
    assert fewer
    assert lock
    assert 0 < float(fewer[1]) < float(fewer[2])
    # the lock on what the unit has anyway is free, up to the gap of a what-if
    assert -0.01 <= float(lock[1]) <= 0.15
    assert float(lock[2]) > float(lock[1])


def test_the_curve_the_alternative_and_the_wards(said: str) -> None:
    assert "at most 0: impossible" in said
    curve = [float(share) for share in re.findall(r"at most [1-9]: ([\d.]+)%", said)]
    assert len(curve) == 3
    other = re.search(r"Alternative: (\d+) areas differ, ([\d.]+) points less", said)
    assert other
    assert int(other[1]) >= 2
    assert float(other[2]) <= 0.5
    busiest = re.search(r"busiest unit carries ([\d.]+) instead of ([\d.]+) equal", said)
    assert busiest
    assert float(busiest[1]) <= float(busiest[2])
