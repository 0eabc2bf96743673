"""The notebook on the backtest: runs whole, draws marked pictures, and leaks nothing."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def notebook() -> nbformat.NotebookNode:
    run = nbformat.read(ROOT / "notebooks" / "03_backtest.ipynb", as_version=4)
    resources = {"metadata": {"path": str(ROOT)}}
    NotebookClient(run, timeout=280, kernel_name="python3", resources=resources).execute()
    return run


def test_it_runs_draws_and_leaks_nothing(notebook: nbformat.NotebookNode) -> None:
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    assert not [out for out in outputs if out.output_type == "error"]
    assert "".join(out.text for out in outputs if out.get("name") == "stderr") == ""
    assert sum("image/png" in out.get("data", {}) for out in outputs) == 2
    for cell in notebook.cells:
        if "plt.subplots" in cell.source:
            assert "sign(figure" in cell.source
            assert "set_title(" in cell.source
    said = "".join(out.text for out in outputs if out.get("name") == "stdout")
    assert "Changed by records of the future: nothing" in said
    level = re.search(r"Expected ([\d,]+), happened ([\d,]+)", said)
    assert level
    expected, happened = (int(one.replace(",", "")) for one in level.groups())
    assert 0.85 < happened / expected < 1.15
