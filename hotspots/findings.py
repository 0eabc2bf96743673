"""What the tests for pattern found: hot spots, raised neighbourhoods, emerging clusters.

Plain frozen values that :class:`hotspots.assessment.RiskAssessment` carries. How they are
found stands in :mod:`hotspots.clusters`, :mod:`hotspots.significance` and
:mod:`hotspots.scan`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

Ring = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class HotSpot:
    """A place where reported firearms incidents lie closer together than chance puts them.

    Attributes
    ----------
    hot_spot_id
        ``H1`` is the one with the greatest weight.
    name
        The wards that hold most of it, and their borough, as a person would say it.
    ward_codes
        Every ward that holds one of its records, the greatest weight first.
    n_records, n_last_28_days
        Its records, and those of the 28 days before the as-of day.
    weight, expected_weight
        Sum of its records' weights (incidents), and what the average density of the boroughs
        it lies in would put inside its outline.
    first_day, last_day
        Europe/London days of its oldest and newest record.
    area_km2
        Area of the outline.
    polygon
        Closed rings of (easting, northing) in metres, EPSG:27700; the exterior ring first.
    """

    hot_spot_id: str
    name: str
    ward_codes: tuple[str, ...]
    n_records: int
    n_last_28_days: int
    weight: float
    expected_weight: float
    first_day: date
    last_day: date
    area_km2: float
    polygon: tuple[Ring, ...]


@dataclass(frozen=True)
class NeighbourhoodTest:
    """A ward and the wards next to it against what the fitted null expects of them.

    Attributes
    ----------
    ward_code
        The ward in the middle.
    observed, expected
        Incidents counted in the neighbourhood, and expected there over the same weeks.
    p_value, q_value
        One-sided (greater) Monte Carlo p, and the same after Benjamini and Hochberg.
    significant
        ``q_value`` is at or below the false discovery rate asked for.
    """

    ward_code: str
    observed: int
    expected: float
    p_value: float
    q_value: float
    significant: bool


@dataclass(frozen=True)
class EmergingCluster:
    """Wards with more incidents in the last days than their own past leads one to expect.

    Attributes
    ----------
    emerging_id
        ``E1`` is the least likely by chance.
    name, ward_codes
        The place in words, and its wards, the one in the middle first.
    window_days, first_day, last_day
        1, 7 or 28 days up to the last day that every feed used covers.
    observed, expected
        Incidents in the window and what the past and the rest of the area would put there.
    p_value
        Of the strongest of all places and windows, so that looking at many costs nothing.
    recurrence_days
        How often chance alone would give as strong a pattern, in days, when the scan runs
        once a week.
    """

    emerging_id: str
    name: str
    ward_codes: tuple[str, ...]
    window_days: int
    first_day: date
    last_day: date
    observed: int
    expected: float
    p_value: float
    recurrence_days: float
