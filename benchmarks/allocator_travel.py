"""The embedded drive times against an ambulance model's, each hospital held out in turn.

Fits "constant + network time" where the network time is kilometres of inner and outer London
and river crossings on the shortest path over neighbouring wards; beside it a regression on the
straight line. The error of a hospital is the median over districts of |fitted - given| / given.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from allocator.travel_time import INNER_LONDON
from hotspots.boundaries.study_area import load_bundled

Floats = NDArray[np.float64]
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
NEAREST_WARDS = 4  # ways from a point into the network of ward centres
ROUNDS = 4  # the shortest path depends on the speeds that are fitted on it
FIRST_PACE = np.array([3.0, 2.0, 0.5])  # min/km inner, min/km outer, min/crossing


@dataclass(frozen=True)
class Drives:
    """Given minutes (n_points, n_hospitals), and places in metres (EPSG:27700)."""

    minutes: Floats
    points: Floats
    hospitals: Floats


@dataclass(frozen=True)
class Network:
    """Ward centres and the links between them in both directions.

    ``km`` is (n_links, 2), inner and outer; ``river`` 0 or 1 a link.
    """

    centres: Floats
    inner: NDArray[np.bool_]
    ends: NDArray[np.intp]
    km: Floats
    river: Floats


@dataclass(frozen=True)
class Fit:
    """Coefficients of the whole fit and the error of each held-out hospital."""

    constant_min: float
    inner_km_per_h: float
    outer_km_per_h: float
    river_delay_s: float
    held_out: tuple[float, ...]
    held_out_straight: tuple[float, ...]


def run() -> str:
    """Return the fit and both models' errors."""
    if not SHARED.is_dir():
        return "allocator_travel: the public test data (../shared/data) is not beside this checkout"
    fitted = fit(read_drives(SHARED), ward_network())
    rows = [
        f"constant {fitted.constant_min:.2f} min (dropped), inner {fitted.inner_km_per_h:.1f} "
        f"km/h, outer {fitted.outer_km_per_h:.1f} km/h, {fitted.river_delay_s:.0f} s a crossing",
        "| held-out hospital | ward network | straight line |",
        "|---|---|---|",
    ]
    for number, pair in enumerate(zip(fitted.held_out, fitted.held_out_straight, strict=True)):
        rows.append(f"| {number + 1} | {pair[0]:.1%} | {pair[1]:.1%} |")
    for name, of in (("median", np.median), ("worst", np.max)):
        own, straight = float(of(fitted.held_out)), float(of(fitted.held_out_straight))
        rows.append(f"| {name} | {own:.1%} | {straight:.1%} |")
    return "\n".join(rows)


def read_drives(shared: Path) -> Drives:
    """Read the drive times, the districts' points and the hospitals."""
    table = pd.read_csv(shared / "response" / "lsoa_to_hospital_drive_minutes.csv.gz")
    hospitals = pd.read_csv(shared / "response" / "hospitals.csv")
    districts = gpd.read_file(
        shared / "boundaries" / "registry_derived" / "london_lsoa_2011_generalised.gpkg"
    ).set_index("lsoa11cd")
    points = districts.loc[table["lsoa11cd"]].geometry.representative_point()
    return Drives(
        table[hospitals["postcode"].tolist()].to_numpy(dtype=float),
        np.column_stack([points.x, points.y]),
        hospitals[["easting", "northing"]].to_numpy(dtype=float),
    )


def ward_network() -> Network:
    """Return the graph of neighbouring wards of the bundled boundaries, the City included."""
    area = load_bundled()
    wards: Any = area.wards.sort_values("ward_code")
    index = {code: number for number, code in enumerate(wards["ward_code"])}
    inner = np.array([code in INNER_LONDON for code in wards["borough_code"]])
    links = area.ward_links
    pairs = np.column_stack([links["code_a"].map(index), links["code_b"].map(index)])
    km = links["distance_m"].to_numpy(dtype=float) / 1000.0
    share = 0.5 * (inner[pairs[:, 0]].astype(float) + inner[pairs[:, 1]])
    split = np.column_stack([km * share, km * (1 - share)])
    river = (links["kind"] == "river").to_numpy(dtype=float)
    centres = wards.geometry.representative_point()
    return Network(
        np.column_stack([centres.x, centres.y]),
        inner,
        np.concatenate([pairs, pairs[:, ::-1]]),
        np.concatenate([split, split]),
        np.concatenate([river, river]),
    )


def fit(drives: Drives, network: Network) -> Fit:
    """Fit on all hospitals, and without each in turn."""
    n_hospitals = len(drives.hospitals)
    everyone = list(range(n_hospitals))
    held_out, straight = [], []
    offset = drives.points[:, None, :] - drives.hospitals[None, :, :]
    crow_km = np.hypot(offset[..., 0], offset[..., 1]) / 1000.0
    for left_out in everyone:
        others = [number for number in everyone if number != left_out]
        given = drives.minutes[:, left_out]
        coefficients, features = _fitted(drives, network, others)
        held_out.append(_error(coefficients[0] + features[:, left_out] @ coefficients[1:], given))
        line = np.polyfit(crow_km[:, others].ravel(), drives.minutes[:, others].ravel(), 1)
        straight.append(_error(np.polyval(line, crow_km[:, left_out]), given))
    whole, _ = _fitted(drives, network, everyone)
    return Fit(
        whole[0], 60 / whole[1], 60 / whole[2], 60 * whole[3], tuple(held_out), tuple(straight)
    )


def _fitted(drives: Drives, network: Network, hospitals: list[int]) -> tuple[Floats, Floats]:
    """Alternate between shortest paths and least squares of relative errors, none negative."""
    pace = FIRST_PACE
    given = drives.minutes[:, hospitals].ravel()
    coefficients = np.zeros(4)
    for _ in range(ROUNDS):
        features = _features(drives, network, pace)[:, hospitals].reshape(-1, 3)
        design = np.column_stack([np.ones(len(features)), features])
        coefficients, _ = nnls(design / given[:, None], np.ones(len(given)))
        pace = coefficients[1:]
    return coefficients, _features(drives, network, pace)


def _features(drives: Drives, network: Network, pace: Floats) -> Floats:
    """Kilometres inner, outer and crossings of the quickest path, (n_points, n_hospitals, 3)."""
    tree = cKDTree(network.centres)
    length, ward = tree.query(drives.points, k=NEAREST_WARDS)
    way_in = _split(length / 1000.0, network.inner[ward])
    features = np.zeros((*drives.minutes.shape, 3))
    everyone = np.arange(len(drives.points))
    for number, place in enumerate(drives.hospitals):
        minutes, travelled = _from_hospital(network, tree, place, pace)
        best = (minutes[ward] + way_in @ pace).argmin(axis=1)
        features[:, number] = travelled[ward[everyone, best]] + way_in[everyone, best]
    return features


def _from_hospital(
    network: Network, tree: Any, place: Floats, pace: Floats
) -> tuple[Floats, Floats]:
    """Minutes and features of the quickest path from a hospital to every ward centre."""
    n_wards = len(network.centres)
    length, ward = tree.query(place, k=NEAREST_WARDS)
    steps = np.column_stack([network.km, network.river])
    steps = np.concatenate([steps, _split(length / 1000.0, network.inner[ward])])
    start = np.concatenate([network.ends[:, 0], np.full(NEAREST_WARDS, n_wards)])
    end = np.concatenate([network.ends[:, 1], ward])
    size = n_wards + 1
    graph = csr_matrix((steps @ pace, (start, end)), shape=(size, size))
    minutes, before = dijkstra(graph, indices=n_wards, return_predecessors=True)
    step_of = dict(zip(zip(start.tolist(), end.tolist(), strict=True), steps, strict=True))
    travelled = np.zeros((size, 3))
    for node in np.argsort(minutes, kind="stable").tolist():
        if before[node] >= 0:
            travelled[node] = travelled[before[node]] + step_of[int(before[node]), node]
    return minutes[:n_wards], travelled[:n_wards]


def _split(km: Floats, inner: NDArray[np.bool_]) -> Floats:
    return np.stack([km * inner, km * ~inner, np.zeros_like(km)], axis=-1)


def _error(fitted: Floats, given: Floats) -> float:
    return float(np.median(np.abs(fitted - given) / given))
