"""Cost against size: one to fifty million events through Dask, in bounded memory.

Writes partitioned Parquet into a temporary folder, forecasts from it in a process of its own,
and draws processor seconds and peak memory into ``docs/pictures/scale.png``.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from matplotlib.figure import Figure
from shapely.geometry import box

from hotspots.forecast import forecast_counts
from hotspots.forecast_counts import periods
from hotspots.grid import cell_locator, clip_grid
from hotspots.larger_than_memory import count_log
from hotspots.larger_than_memory_parts import LogFormat

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "scale.png"
MILLIONS = (1, 5, 10, 25, 50)
PART_ROWS = 1_000_000
AS_OF, ZONE = date(2025, 7, 1), "Europe/London"
SIDE_M = 40_000.0


def run() -> str:
    """Return the table of times and memory by size, and draw it."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="arv-scale-") as folder:
        written = 0
        for millions in MILLIONS:
            for part in range(written, millions):
                _write(Path(folder) / f"part-{part:03d}.parquet", part)
            written = millions
            rows.append((millions, *_measured(folder)))
    _draw(rows)
    head = f"{'million events':>15} {'wall s':>9} {'CPU s':>9} {'peak GB':>9}"
    lines = [f"{n:15d} {wall:9.1f} {cpu:9.1f} {gb:9.2f}" for n, wall, cpu, gb in rows]
    return "\n".join([head, *lines, "target: 1 to 50 million points in bounded memory"])


def _write(path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    microseconds = random.integers(0, 10 * 365 * 86_400, PART_ROWS) * 1_000_000
    at = np.datetime64("2015-07-01", "us") + microseconds.astype("timedelta64[us]")
    centre = random.choice([10_000.0, 20_000.0, 28_000.0], (2, PART_ROWS))
    x, y = centre + random.normal(0, 3_000, (2, PART_ROWS))
    table = pa.table({"x": x, "y": y + 1e6, "occurred_at": pa.array(at, pa.timestamp("us", "UTC"))})
    pq.write_table(table, path, row_group_size=PART_ROWS // 2)


def _measured(folder: str) -> tuple[float, float, float]:
    code = f"from benchmarks.scale import forecast_folder; forecast_folder({folder!r})"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    wall, processor, peak = (float(one) for one in out.stdout.split())
    return wall, processor, peak


def forecast_folder(folder: str) -> None:
    """Print wall and processor seconds and peak GB of a forecast from a folder of Parquet."""
    area = box(0, 1e6, SIDE_M, 1e6 + SIDE_M)
    grid = clip_grid(area, cell_size_m=250.0)
    start, busy = time.perf_counter(), time.process_time()
    how = LogFormat(27700, ZONE, ("occurred_at",))
    calendar = periods([AS_OF], ZONE)
    counts = count_log(Path(folder), how, cell_locator(grid, area), calendar)
    forecast_counts(counts, grid, AS_OF, 28)
    wall, processor = time.perf_counter() - start, time.process_time() - busy
    print(wall, processor, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


def _draw(rows: list[tuple[int, float, float, float]]) -> None:
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    size = [row[0] for row in rows]
    for axes, column, label in zip(
        figure.subplots(1, 2), (2, 3), ("processor seconds", "peak memory, GB"), strict=True
    ):
        axes.plot(size, [row[column] for row in rows], marker="o", color="#1d4f91")
        axes.set_xlabel("million events")
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    figure.suptitle("A forecast from partitioned Parquet on 2 cores")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, dpi=110)
