"""The maximal covering location problem beside spopt 0.7 with its default solver (CBC).

Both get the same covers and demand and are timed end to end, from the arrays to the answer,
spopt in an environment and a process of its own: it is no dependency of this project. Ratios
come from one run on one machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import numpy as np

from allocator.mclp import solve_mclp

#: Demand points, sites, reach in metres; 50 km x 50 km, 16 units.
CASES = ((630, 630, 4_000), (5_000, 600, 4_000), (630, 630, 6_000))
N_UNITS = 16
SEED = 20_260_801
#: An environment that has spopt already; one is made (and removed) without it.
ENVIRONMENT = "ARV_SPOPT_ENVIRONMENT"
PEER = """
import sys, time, json, warnings
import numpy as np
warnings.simplefilter("ignore")
import pulp
from spopt.locate import MCLP
data = np.load(sys.argv[1])
start = time.perf_counter()
model = MCLP.from_cost_matrix(data["costs"], data["demand"], float(data["reach"]), int(data["p"]))
model = model.solve(pulp.PULP_CBC_CMD(msg=False))
spent = time.perf_counter() - start
chosen = [j for j, sites in enumerate(model.fac2cli) if sites]
covered = (data["costs"][:, chosen] <= float(data["reach"])).any(axis=1)
print(json.dumps([spent, int(data["demand"][covered].sum())]))
"""


def run() -> str:
    """Return the table of both programs on the same covers."""
    lines = [
        f"{'demand x sites':>15} {'reach':>6} {'ours s':>8} {'spopt s':>8} {'ratio':>6}  optimum"
    ]
    with tempfile.TemporaryDirectory() as folder:
        python = peer_python(Path(folder))
        for n_demand, n_sites, reach_m in CASES:
            lines.append(_row(Path(folder), python, n_demand, n_sites, reach_m))
    return "\n".join(lines)


def _row(folder: Path, python: Path | None, n_demand: int, n_sites: int, reach_m: int) -> str:
    costs, demand = instance(n_demand, n_sites)
    start = time.perf_counter()
    ours = solve_mclp(costs <= reach_m, demand, n_units=N_UNITS, time_limit_s=300)
    spent = time.perf_counter() - start
    head = f"{n_demand:>8} x {n_sites:<4} {reach_m:>6} {spent:8.2f}"
    if python is None:
        return f"{head} {'-':>8} {'-':>6}  {ours.objective} {ours.status} (spopt is not available)"
    path = folder / "case.npz"
    np.savez(path, costs=costs, demand=demand, reach=reach_m, p=N_UNITS)
    answer = subprocess.run(
        [str(python), "-c", PEER, str(path)], capture_output=True, text=True, check=True
    )
    theirs_s, theirs = json.loads(answer.stdout.splitlines()[-1])
    same = "same" if theirs == ours.objective else f"spopt {theirs}"
    return (
        f"{head} {theirs_s:8.2f} {theirs_s / spent:5.1f}x  {ours.objective} {ours.status}, {same}"
    )


def instance(n_demand: int, n_sites: int) -> tuple[np.ndarray, np.ndarray]:
    """Return distances (n_demand, n_sites) in metres and whole demand; sites are at points."""
    random = np.random.default_rng(SEED)
    points = random.uniform(0, 50_000, (n_demand, 2))
    sites = points if n_sites == n_demand else points[random.choice(n_demand, n_sites, False)]
    costs = np.hypot(*(points[:, None] - sites[None]).transpose(2, 0, 1))
    return costs, random.gamma(0.7, 30, n_demand).astype(np.int64) + 1


def peer_python(folder: Path) -> Path | None:
    """Return a Python that can import spopt 0.7, or nothing where it cannot be installed."""
    given = os.environ.get(ENVIRONMENT)
    root = Path(given) if given else folder / "peer"
    python = root / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    try:
        if not given:
            venv.create(root, with_pip=True)
            pip = [str(python), "-m", "pip", "install", "--quiet", "spopt==0.7.0"]
            subprocess.run(pip, check=True, capture_output=True)
        subprocess.run([str(python), "-c", "import spopt"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return python
