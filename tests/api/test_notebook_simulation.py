"""The notebook that judges a placement: runs whole, and its judges agree."""

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


@pytest.fixture(scope="module")
def notebook() -> nbformat.NotebookNode:
    run = nbformat.read(ROOT / "notebooks" / "05_simulation.ipynb", as_version=4)
    resources = {"metadata": {"path": str(ROOT)}}
    NotebookClient(run, timeout=280, kernel_name="python3", resources=resources).execute()
    return run


def _outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [out for cell in notebook.cells for out in cell.get("outputs", [])]


@pytest.fixture(scope="module")
def said(notebook: nbformat.NotebookNode) -> str:
    return "".join(out.text for out in _outputs(notebook) if out.get("name") == "stdout")


def test_it_runs_without_an_error_or_a_warning(notebook: nbformat.NotebookNode) -> None:
    outputs = _outputs(notebook)
    assert not [out for out in outputs if out.output_type == "error"]
    assert "".join(out.text for out in outputs if out.get("name") == "stderr") == ""


def test_every_picture_is_drawn_marked_and_titled(notebook: nbformat.NotebookNode) -> None:
    pictures = [
        out.data["image/png"] for out in _outputs(notebook) if "image/png" in out.get("data", {})
    ]
    drawing = [cell for cell in notebook.cells if "plt.subplots" in cell.source]
    assert len(pictures) == len(drawing) == 4
    for cell in drawing:
        assert "sign(figure" in cell.source
        assert "set_title(" in cell.source
    for picture in pictures:
        image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("L")
        assert min(image.size) > 300
        dark, light = image.getextrema()
        assert dark < 100
        assert light > 250


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
