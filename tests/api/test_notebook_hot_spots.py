"""The notebook on hot spots: runs whole, shows its pictures, and says what it promises."""

from __future__ import annotations

import re

import nbformat
import pytest

from tests.api import notebook_runner as runner


@pytest.fixture(scope="module")
def notebook() -> nbformat.NotebookNode:
    return runner.executed("02_hot_spots")


def test_it_runs_without_an_error_or_a_warning(notebook: nbformat.NotebookNode) -> None:
    runner.assert_no_error_or_warning(notebook)


def test_every_picture_is_drawn_marked_and_titled(notebook: nbformat.NotebookNode) -> None:
    drawn, drawing = runner.pictures(notebook), runner.drawing_cells(notebook)
    assert len(drawn) == len(drawing) == 5
    for cell in drawing:
        runner.assert_marked_and_titled(cell)
    for picture in drawn:
        runner.assert_drawn(picture)


def test_what_was_planted_is_found_and_the_loop_is_held(notebook: nbformat.NotebookNode) -> None:
    said = runner.said(notebook)
    tables = " ".join(
        out.data["text/plain"]
        for out in runner.outputs(notebook)
        if "text/plain" in out.get("data", {})
    )
    assert "Tottenham" in tables
    assert re.search(r"E1 .*Brixton.*\(Lambeth\): \d+ incidents in 7 days", said), said
    alarms = re.search(r"False alarms, ours: (.+)", said)
    assert alarms
    assert all(float(one.rstrip("%")) <= 6 for one in alarms[1].split())
    loop = re.search(r"one half: ([\d.]+)% here, ([\d.]+)% naive", said)
    assert loop
    assert float(loop[1]) <= 5 < float(loop[2])
