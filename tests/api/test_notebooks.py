"""The analysts' notebooks: committed without outputs, run whole, and showing what they promise."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WEEK = ROOT / "notebooks" / "01_a_week.ipynb"


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
    notebook = nbformat.read(WEEK, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=180,
        kernel_name="python3",
        resources={"metadata": {"path": str(ROOT)}},
    )
    client.execute()
    return notebook


def _outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [out for cell in notebook.cells for out in cell.get("outputs", [])]


def test_the_week_runs_without_an_error_or_a_warning(week: nbformat.NotebookNode) -> None:
    outputs = _outputs(week)
    assert not [out for out in outputs if out.output_type == "error"]
    assert "".join(out.text for out in outputs if out.get("name") == "stderr") == ""


def test_the_week_shows_its_pictures(week: nbformat.NotebookNode) -> None:
    pictures = [
        out.data["image/png"] for out in _outputs(week) if "image/png" in out.get("data", {})
    ]
    assert len(pictures) == 8
    for picture in pictures:
        image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("L")
        assert min(image.size) > 300
        dark, light = image.getextrema()
        assert dark < 100
        assert light > 250


def test_every_picture_is_marked_and_titled(week: nbformat.NotebookNode) -> None:
    drawing = [cell for cell in week.cells if "plt.subplots" in cell.source]
    assert len(drawing) == 7
    for cell in drawing:
        assert "sign(figure" in cell.source
        assert "set_title(" in cell.source or "london(axes" in cell.source


def test_what_the_week_says_agrees_with_itself(week: nbformat.NotebookNode) -> None:
    said = "".join(out.text for out in _outputs(week) if out.get("name") == "stdout")
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
