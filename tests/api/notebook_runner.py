"""Run an analysts' notebook whole and look at what it shows: one runner for all of them."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
CELL_LIMIT_S = 600  # of wall time, for a machine with other work
SMALLEST_SIDE = 300


def executed(name: str) -> nbformat.NotebookNode:
    """The notebook of that name after running it from the repository's root."""
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    resources = {"metadata": {"path": str(ROOT)}}
    client = NotebookClient(
        notebook, timeout=CELL_LIMIT_S, kernel_name="python3", resources=resources
    )
    client.execute()
    return notebook


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Every output of every cell, in order."""
    return [out for cell in notebook.cells for out in cell.get("outputs", [])]


def said(notebook: nbformat.NotebookNode) -> str:
    """Everything printed."""
    return "".join(out.text for out in outputs(notebook) if out.get("name") == "stdout")


def assert_no_error_or_warning(notebook: nbformat.NotebookNode) -> None:
    """No cell failed, and none wrote to standard error."""
    shown = outputs(notebook)
    assert not [out for out in shown if out.output_type == "error"]
    assert "".join(out.text for out in shown if out.get("name") == "stderr") == ""


def pictures(notebook: nbformat.NotebookNode) -> list[bytes]:
    """Every picture shown, as PNG."""
    return [
        base64.b64decode(out.data["image/png"])
        for out in outputs(notebook)
        if "image/png" in out.get("data", {})
    ]


def drawing_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The cells that draw with matplotlib."""
    return [cell for cell in notebook.cells if "plt.subplots" in cell.source]


def assert_drawn(picture: bytes) -> None:
    """The picture is of a size to read, with ink on paper."""
    image = Image.open(io.BytesIO(picture)).convert("L")
    assert min(image.size) > SMALLEST_SIDE
    dark, light = image.getextrema()
    assert dark < 100
    assert light > 250


def assert_marked_and_titled(cell: nbformat.NotebookNode, *title_calls: str) -> None:
    """A drawing cell signs its figure and gives it a title."""
    assert "sign(figure" in cell.source
    assert any(call in cell.source for call in ("set_title(", *title_calls))
