"""Draw the pictures of docs/placement.md again: `python -m benchmarks placement_pictures`.

The plan and the price of stability are those of notebooks/04_placement.ipynb,
run whole on the bundled sample; the growth is drawn from the synthetic regions of
`allocator_growth`, with the machine's own times.
"""

from __future__ import annotations

import base64
from pathlib import Path

import matplotlib as mpl
import nbformat
from nbclient import NotebookClient

from benchmarks import allocator_growth

mpl.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
FROM_NOTEBOOK = {0: "plan_areas.png", 2: "price_of_stability.png"}  # picture: file
CELL_LIMIT_S = 900
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#6b7480"


def run() -> str:
    """Write every picture and say how large it is."""
    drawn = [PICTURES / name for name in _from_notebook()] + [_growth()]
    lines = []
    for path in drawn:
        size = path.stat().st_size
        lines.append(f"{path.relative_to(ROOT)}: {size / 1000:.0f} kB (at most 200)")
    return "\n".join(lines)


def _from_notebook() -> list[str]:
    notebook = nbformat.read(ROOT / "notebooks" / "04_placement.ipynb", as_version=4)
    resources = {"metadata": {"path": str(ROOT)}}
    client = NotebookClient(
        notebook, timeout=CELL_LIMIT_S, kernel_name="python3", resources=resources
    )
    client.execute()
    shown = [
        out.data["image/png"]
        for cell in notebook.cells
        for out in cell.get("outputs", [])
        if "image/png" in out.get("data", {})
    ]
    for number, name in FROM_NOTEBOOK.items():
        (PICTURES / name).write_bytes(base64.b64decode(shown[number]))
    return list(FROM_NOTEBOOK.values())


def _growth() -> Path:
    found = allocator_growth.measured()
    by_units = sorted(
        (one for one in found if one.n_points == allocator_growth.UNITS[0][1]),
        key=lambda one: one.n_units,
    )
    by_points = sorted(
        (one for one in found if one.n_units == allocator_growth.POINTS[0][0]),
        key=lambda one: one.n_points,
    )
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8), dpi=110)
    left.plot([one.n_units for one in by_units], [one.spent_s for one in by_units], "o-", c=BLUE)
    left.set_xscale("log", base=2)
    left.set_xticks(
        [one.n_units for one in by_units], [str(one.n_units) for one in by_units], minor=False
    )
    left.set_xlabel("units (two boroughs each), 700 demand points")
    right.plot(
        [one.n_points for one in by_points], [one.spent_s for one in by_points], "o-", c=BLUE
    )
    right.set_xlabel("demand points, 16 units")
    for axes, rows, at in ((left, by_units, "n_units"), (right, by_points, "n_points")):
        axes.margins(x=0.12, y=0.15)
        axes.set_ylim(0)
        axes.set_ylabel("processor seconds")
        axes.spines[["top", "right"]].set_visible(False)
        for one in rows:
            axes.annotate(
                f"{one.gap:.2%}",
                (getattr(one, at), one.spent_s),
                xytext=(-6, 8),
                textcoords="offset points",
                ha="center",
                size=8,
                color=ORANGE if one.gap > allocator_growth.TARGET_GAP else GREY,
            )
    left.set_title("Growth with units", loc="left", weight="bold")
    right.set_title("Growth with demand points", loc="left", weight="bold")
    figure.text(
        0.01, 0.01, "Synthetic regions. Figures at the points: proven gap; orange: over 0.1 %.",
        size=8, color=GREY,
    )  # fmt: skip
    figure.subplots_adjust(left=0.08, right=0.98, bottom=0.24, top=0.88, wspace=0.22)
    path = PICTURES / "placement_growth.png"
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)
    return path
