"""The notebook that judges a placement: runs whole, and its judges agree."""

from __future__ import annotations

import re

import nbformat
import pytest

from tests.api import notebook_runner as runner


@pytest.fixture(scope="module")
def notebook() -> nbformat.NotebookNode:
    return runner.executed("05_simulation")


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


def test_the_judges_agree_with_the_book_and_with_each_other(said: str) -> None:
    book = re.search(r"published figures: ([\d.]+)", said)
    errors = re.search(r"at most ([\d.]+) standard errors", said)
    within = re.search(r"hypercube ([\d.]+)%, simulated under the same rule ([\d.]+)%", said)
    gap = re.search(r"hypercube to simulation: ([\d.]+) points", said)
    assert book
    assert errors
    assert within
    assert gap
    assert float(book[1]) <= 1e-4
    assert float(errors[1]) < 4
    assert float(within[1]) == pytest.approx(float(within[2]), abs=1.0)
    assert float(gap[1]) < 1.0


def test_the_verdict_and_the_failures_meet_their_targets(said: str) -> None:
    assert re.search(r"^  proportional: better$", said, re.MULTILINE), said
    assert re.search(r"^  nearest_centre: better$", said, re.MULTILINE), said
    recovered = re.findall(r"keeps ([\d.]+)% of the plan from scratch", said)
    assert len(recovered) == 2
    assert all(float(share) >= 97 for share in recovered)
