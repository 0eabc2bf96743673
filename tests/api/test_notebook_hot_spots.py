"""The notebook on hot spots: runs whole, shows its pictures, and says what it promises."""

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
    run = nbformat.read(ROOT / "notebooks" / "02_hot_spots.ipynb", as_version=4)
    resources = {"metadata": {"path": str(ROOT)}}
    NotebookClient(run, timeout=280, kernel_name="python3", resources=resources).execute()
    return run


def _outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [out for cell in notebook.cells for out in cell.get("outputs", [])]


def test_it_runs_without_an_error_or_a_warning(notebook: nbformat.NotebookNode) -> None:
    outputs = _outputs(notebook)
    assert not [out for out in outputs if out.output_type == "error"]
    assert "".join(out.text for out in outputs if out.get("name") == "stderr") == ""


def test_every_picture_is_drawn_marked_and_titled(notebook: nbformat.NotebookNode) -> None:
    pictures = [
        out.data["image/png"] for out in _outputs(notebook) if "image/png" in out.get("data", {})
    ]
    drawing = [cell for cell in notebook.cells if "plt.subplots" in cell.source]
    assert len(pictures) == len(drawing) == 5
    for cell in drawing:
        assert "sign(figure" in cell.source
        assert "set_title(" in cell.source
    for picture in pictures:
        image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("L")
        assert min(image.size) > 300
        dark, light = image.getextrema()
        assert dark < 100
        assert light > 250


def test_what_was_planted_is_found_and_the_loop_is_held(notebook: nbformat.NotebookNode) -> None:
    said = "".join(out.text for out in _outputs(notebook) if out.get("name") == "stdout")
    tables = " ".join(
        out.data["text/plain"] for out in _outputs(notebook) if "text/plain" in out.get("data", {})
    )
    assert "Tottenham" in tables
    assert re.search(r"E1 .*Brixton.*\(Lambeth\): \d+ incidents in 7 days", said), said
    alarms = re.search(r"False alarms, ours: (.+)", said)
    assert alarms
    assert all(float(one.rstrip("%")) <= 6 for one in alarms[1].split())
    loop = re.search(r"one half: ([\d.]+)% here, ([\d.]+)% naive", said)
    assert loop
    assert float(loop[1]) <= 5 < float(loop[2])
