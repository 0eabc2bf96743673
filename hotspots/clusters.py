"""Hot spots: places where reported firearms incidents lie closer together than by chance.

Weighted DBSCAN (Ester and others 1996, KDD-96; weights as in scikit-learn) on the points of
reported incidents. A point is the core of a hot spot when the weight within ``radius_m`` of
it is more than chance would gather around *any* record of the map, were each borough's
incidents spread evenly over that borough: the threshold of a borough is the smallest number
whose Poisson tail is at most ``map_error_rate`` over the number of records (a union bound, so
that a map of pure chance shows a hot spot in at most that share of weeks). Records weigh
unequally, so the Poisson variable counts incidents of the mean weight ``sum(w^2) / sum(w)``.

Intelligence, proxies and discovered crime never enter: only what was reported and counts
incidents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import stats
from sklearn.cluster import DBSCAN

from hotspots.assessment import rounded
from hotspots.errors import AssessmentRefusedError
from hotspots.findings import HotSpot, Ring

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Days = NDArray[np.datetime64]
RECENT_DAYS = 28
#: A ward gives its name to a hot spot when it holds this share of its weight.
NAMING_SHARE = 0.15
MOST_NAMES = 3


@dataclass(frozen=True)
class HotSpotSettings:
    """How close, how many and how sure.

    Attributes
    ----------
    radius_m
        Records within this distance are neighbours; the outline reaches half as far.
    least_records, least_days
        A hot spot has at least so many records, on at least so many different days: one bad
        night is an incident, not a hot spot.
    map_error_rate
        Highest share of maps of pure chance on which any hot spot appears.
    """

    radius_m: float = 300.0
    least_records: int = 5
    least_days: int = 3
    map_error_rate: float = 0.05

    def __post_init__(self) -> None:
        """Refuse settings that cannot be meant."""
        bounds = {
            "radius_m": (25.0, 5_000.0),
            "least_records": (3, 1_000),
            "least_days": (1, 1_000),
            "map_error_rate": (1e-6, 0.5),
        }
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise AssessmentRefusedError(
                    f"must lie between {low:g} and {high:g}",
                    remedy="correct the hot-spot setting",
                    column=name,
                    value=value,
                )


@dataclass(frozen=True)
class IncidentPoints:
    """Reported incidents with a known point; every array is (n_points,).

    ``weight`` is in incidents (> 0), ``day`` the Europe/London day as ``datetime64[D]``,
    ``ward`` the index of the ward in the areas they are clustered with.
    """

    x_m: Floats
    y_m: Floats
    weight: Floats
    day: Days
    ward: Ints


@dataclass(frozen=True)
class ClusterAreas:
    """The W wards and B boroughs that hot spots are named and measured by.

    ``ward_codes``, ``ward_names`` are (W,), ``borough_of_ward`` int (W,), ``borough_names``
    (B,) and ``borough_shapes`` (B,) polygons in EPSG:27700.
    """

    ward_codes: Sequence[str]
    ward_names: Sequence[str]
    borough_of_ward: Ints
    borough_names: Sequence[str]
    borough_shapes: Sequence[shapely.Geometry]


def find_hot_spots(
    points: IncidentPoints,
    areas: ClusterAreas,
    *,
    as_of: date,
    settings: HotSpotSettings | None = None,
) -> tuple[HotSpot, ...]:
    """Return the hot spots of reported incidents, the greatest weight first.

    Parameters
    ----------
    points
        Incidents before the as-of day; their order does not matter.
    areas
        The wards and boroughs they lie in.
    as_of, settings
        The as-of day, and how close, how many and how sure; see :class:`HotSpotSettings`.

    Raises
    ------
    AssessmentRefusedError
        Positions or weights that are not finite, a weight that is not positive, a ward that
        is not there, or a day on or after the as-of day.
    """
    chosen = settings or HotSpotSettings()
    _refuse_bad_points(points, areas, as_of)
    if len(points.weight) < chosen.least_records:
        return ()
    sorted_points = _in_order(points)
    density = _borough_density(sorted_points, areas)
    label = _labels(sorted_points, areas, density, chosen)
    found = []
    for number in range(int(label.max(initial=-1)) + 1):
        members = np.flatnonzero(label == number)
        days = np.unique(sorted_points.day[members])
        if len(members) >= chosen.least_records and len(days) >= chosen.least_days:
            spot = _hot_spot(
                sorted_points, members, areas, density, as_of=as_of, radius_m=chosen.radius_m
            )
            found.append(spot)
    ranked = sorted(found, key=lambda one: (-one.weight, one.polygon))
    return tuple(replace(one, hot_spot_id=f"H{n}") for n, one in enumerate(ranked, start=1))


def chance_threshold(
    points: IncidentPoints, areas: ClusterAreas, settings: HotSpotSettings
) -> Floats:
    """Return float64 (B,): the weight within the radius that makes a point a core.

    Parameters
    ----------
    points, areas, settings
        As in :func:`find_hot_spots`, at least one point.
    """
    return _thresholds(points, _borough_density(points, areas), settings)


def place_name(wards: Sequence[str], boroughs: Sequence[str]) -> str:
    """Return a place in words: up to three wards, and their boroughs in brackets."""
    named = [*wards[:MOST_NAMES]]
    if len(wards) > MOST_NAMES:
        named.append(f"{len(wards) - MOST_NAMES} more")
    return f"{in_words(named)} ({in_words(list(dict.fromkeys(boroughs)))})"


def in_words(names: Sequence[str]) -> str:
    """Return ``A``, ``A and B`` or ``A, B and C``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _refuse_bad_points(points: IncidentPoints, areas: ClusterAreas, as_of: date) -> None:
    sizes = {len(getattr(points, name)) for name in ("x_m", "y_m", "weight", "day", "ward")}
    if len(sizes) > 1:
        raise AssessmentRefusedError(
            "the columns of the points differ in length", remedy="give one value a point of each"
        )
    numbers = np.concatenate([points.x_m, points.y_m, points.weight])
    if not np.isfinite(numbers).all() or (points.weight <= 0).any():
        raise AssessmentRefusedError(
            "hot spots need finite positions and positive weights",
            remedy="leave out records without a point or a weight",
        )
    if len(points.ward) and not 0 <= points.ward.min() <= points.ward.max() < len(areas.ward_codes):
        raise AssessmentRefusedError(
            "a point lies in a ward that is not there",
            remedy="leave out records outside every ward",
        )
    late = points.day >= np.datetime64(as_of, "D")
    if late.any():
        raise AssessmentRefusedError(
            "a record is on or after the as-of day",
            remedy="leave out what was not known then",
            value=str(points.day[late].min()),
        )


def _in_order(points: IncidentPoints) -> IncidentPoints:
    order = np.lexsort((points.weight, points.ward, points.day, points.y_m, points.x_m))
    return IncidentPoints(
        *(getattr(points, name)[order] for name in ("x_m", "y_m", "weight", "day", "ward"))
    )


def _borough_density(points: IncidentPoints, areas: ClusterAreas) -> Floats:
    """Return the weight a square metre of each borough, float64 (B,)."""
    borough = areas.borough_of_ward[points.ward]
    total = np.bincount(borough, points.weight, len(areas.borough_shapes))
    size_m2 = shapely.area(np.asarray(areas.borough_shapes, dtype=object))
    return np.asarray(total / np.maximum(size_m2, 1.0), dtype=np.float64)


def _thresholds(points: IncidentPoints, density: Floats, settings: HotSpotSettings) -> Floats:
    unit = float((points.weight**2).sum() / points.weight.sum())
    around = density * np.pi * settings.radius_m**2 / unit
    tail = settings.map_error_rate / len(points.weight)
    others = stats.poisson.isf(tail, around) + 1  # P(others >= this) <= tail
    return unit * np.maximum(1.0 + others, float(settings.least_records))


def _labels(
    points: IncidentPoints, areas: ClusterAreas, density: Floats, settings: HotSpotSettings
) -> Ints:
    """Return the hot spot of each point, -1 for none.

    A point counts as the share of its own borough's threshold that its weight makes up, so
    that one pass of DBSCAN serves boroughs of every density.
    """
    threshold = _thresholds(points, density, settings)
    share = points.weight / threshold[areas.borough_of_ward[points.ward]]
    where, of_point = np.unique(
        np.column_stack([points.x_m, points.y_m]), axis=0, return_inverse=True
    )
    weight = np.bincount(of_point, share) * (1 + 1e-12)
    found = DBSCAN(eps=settings.radius_m, min_samples=1, algorithm="kd_tree")
    labels = found.fit(where, sample_weight=weight).labels_
    return np.asarray(labels, dtype=np.intp)[of_point]


def _hot_spot(
    points: IncidentPoints,
    members: Ints,
    areas: ClusterAreas,
    density: Floats,
    *,
    as_of: date,
    radius_m: float,
) -> HotSpot:
    outline = _outline(points.x_m[members], points.y_m[members], radius_m)
    weight_of_ward = np.bincount(
        points.ward[members], points.weight[members], len(areas.ward_codes)
    )
    wards = [int(one) for one in np.argsort(-weight_of_ward, kind="stable")]
    wards = [one for one in wards if weight_of_ward[one] > 0]
    total = float(points.weight[members].sum())
    naming = [one for one in wards if weight_of_ward[one] >= NAMING_SHARE * total] or wards[:1]
    days = points.day[members]
    recent = days >= np.datetime64(as_of, "D") - np.timedelta64(RECENT_DAYS, "D")
    return HotSpot(
        hot_spot_id="",
        name=place_name(
            [areas.ward_names[one] for one in naming],
            [areas.borough_names[areas.borough_of_ward[one]] for one in naming],
        ),
        ward_codes=tuple(areas.ward_codes[one] for one in wards),
        n_records=len(members),
        n_last_28_days=int(recent.sum()),
        weight=rounded(total),
        expected_weight=rounded(_expected(outline, areas, density)),
        first_day=days.min().astype("datetime64[D]").item(),
        last_day=days.max().astype("datetime64[D]").item(),
        area_km2=rounded(float(shapely.area(outline)) / 1e6, 6),
        polygon=_rings(outline),
    )


def _expected(outline: shapely.Geometry, areas: ClusterAreas, density: Floats) -> float:
    """Return what the boroughs' densities put inside the outline; most lie in one borough."""
    shapes = np.asarray(areas.borough_shapes, dtype=object)
    shapely.prepare(shapes)
    whole = np.flatnonzero(shapely.contains(shapes, outline))
    if len(whole):
        return float(density[whole[0]] * shapely.area(outline))
    near = np.flatnonzero(shapely.intersects(shapes, outline))
    overlap = shapely.area(shapely.intersection(outline, shapes[near]))
    return float((density[near] * overlap).sum())


def _outline(x_m: Floats, y_m: Floats, radius_m: float) -> shapely.Geometry:
    """Return the union of discs that just overlap between neighbours: always one piece."""
    centres = shapely.points(np.unique(np.column_stack([x_m, y_m]), axis=0))
    whole = shapely.union_all(shapely.buffer(centres, 0.52 * radius_m, quad_segs=4))
    return shapely.simplify(whole, radius_m / 50)


def _rings(outline: shapely.Geometry) -> tuple[Ring, ...]:
    return tuple(
        tuple((float(x), float(y)) for x, y in np.round(shapely.get_coordinates(ring), 1))
        for ring in shapely.get_rings(outline)
    )
