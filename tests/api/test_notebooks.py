"""The analysts' notebooks: committed without outputs, run whole, and showing what they promise."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from tests.api import notebook_runner as runner

NOTEBOOKS = sorted(runner.NOTEBOOKS.glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_committed_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.fixture(scope="module")
def week() -> nbformat.NotebookNode:
    return runner.executed("01_a_week")


def test_the_week_runs_without_an_error_or_a_warning(week: nbformat.NotebookNode) -> None:
    runner.assert_no_error_or_warning(week)


def test_the_week_shows_its_pictures(week: nbformat.NotebookNode) -> None:
    drawn = runner.pictures(week)
    assert len(drawn) == 8
    for picture in drawn:
        runner.assert_drawn(picture)


def test_every_picture_is_marked_and_titled(week: nbformat.NotebookNode) -> None:
    drawing = runner.drawing_cells(week)
    assert len(drawing) == 7
    for cell in drawing:
        runner.assert_marked_and_titled(cell, "london(axes")


def test_what_the_week_says_agrees_with_itself(week: nbformat.NotebookNode) -> None:
    said = runner.said(week)
    assert "4,000 draws for 679 wards" in said
    plan = re.search(r"2026-W48: (optimal|feasible) after", said)
    assert plan, said
    share = re.search(r"reached within [\d.]+ minutes: ([\d.]+)%", said)
    bound = re.search(r"can reach more than ([\d.]+)%", said)
    missed = re.search(r"not reached in standard: ([\d.]+) of (\d+)", said)
    assert share
    assert bound
    assert missed
    assert 0 < float(share[1]) <= float(bound[1]) <= 100
    assert float(missed[1]) / float(missed[2]) == pytest.approx(1 - float(share[1]) / 100, abs=0.02)
    inside = re.search(r"hold their borough's average: ([\d.]+)%", said)
    assert inside
    assert float(inside[1]) >= 90
