"""p-median on the OR-Library instances (Beasley 1985): which published optima are proven in 60 s.

`ARV_PMED=1,2,3` limits the run to these instances; without it all 40 are solved.
"""

from __future__ import annotations

import csv
import os
import time
import zipfile
from pathlib import Path

import numpy as np
from scipy.sparse.csgraph import shortest_path

from allocator.p_median import solve_p_median

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "optimisation"
LIMIT_S = 60.0
SELECTION = "ARV_PMED"


def run() -> str:
    """Return one line an instance and the list of those solved."""
    if not FOLDER.is_dir():
        return "p-median: the public test data (../shared/data) is not beside this checkout"
    with (FOLDER / "orlib_pmed_optima.csv").open(encoding="utf-8") as file:
        optima = {row["instance"]: int(row["optimum"]) for row in csv.DictReader(file)}
    wanted = os.environ.get(SELECTION)
    names = [f"pmed{number}" for number in wanted.split(",")] if wanted else list(optima)
    lines = [f"{'instance':8} {'n':>4} {'p':>4} {'optimum':>8} {'found':>8} {'bound':>8} {'s':>6}"]
    reached, proven = [], []
    for name in names:
        costs, n_units = instance(name)
        start = time.perf_counter()
        found = solve_p_median(costs, np.ones(len(costs)), n_units=n_units, time_limit_s=LIMIT_S)
        spent = time.perf_counter() - start
        reached += [name] if found.objective == optima[name] else []
        proven += [name] if found.status == "optimal" else []
        lines.append(
            f"{name:8} {len(costs):4} {n_units:4} {optima[name]:8} {found.objective:8.0f} "
            f"{found.bound:8.0f} {spent:6.1f} {found.status}"
        )
    lines.append(
        f"published optimum reached: {len(reached)} of {len(names)}; proven: {len(proven)}"
    )
    lines.append(f"not proven: {', '.join(name for name in names if name not in proven) or 'none'}")
    return "\n".join(lines)


def instance(name: str) -> tuple[np.ndarray, int]:
    """Return distances (n, n) and p; of an edge listed twice the last cost counts."""
    with zipfile.ZipFile(FOLDER / "orlib_pmed.zip") as archive:
        entry = next(n for n in archive.namelist() if Path(n).name == f"{name}.txt")
        figures = np.array(archive.read(entry).split(), dtype=np.int64)
    size, _, n_units = figures[:3].tolist()
    edges = np.full((size, size), np.inf)
    for start, end, cost in (figures[3:].reshape(-1, 3) - [1, 1, 0]).tolist():
        edges[start, end] = edges[end, start] = cost
    return shortest_path(edges, directed=False), n_units
