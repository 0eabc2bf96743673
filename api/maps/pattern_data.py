"""Hot spots and emerging clusters as the page draws and lists them, as plain values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import shapely

from api import wording
from api.maps.outlines import Outlines, encode
from hotspots.assessment import RiskAssessment
from hotspots.findings import EmergingCluster, HotSpot
from hotspots.scan import recurrence_in_words

Fact = tuple[str, str]


@dataclass(frozen=True)
class Pattern:
    """One row of the table and one outline on the map; ``kind`` is hot or emerging."""

    key: str
    kind: str
    title: str
    seen: str
    usual: str
    when: str
    note: str
    outline: shapely.Geometry

    @property
    def kind_in_words(self) -> str:
        """Return what the row is called."""
        return "Hot spot" if self.kind == "hot" else "Emerging cluster"


def patterns(assessment: RiskAssessment, outlines: Outlines) -> tuple[Pattern, ...]:
    """Return the hot spots, then the emerging clusters, of an assessment."""
    hot = (_hot(one) for one in assessment.clusters)
    emerging = (_emerging(one, outlines) for one in assessment.emerging)
    return (*hot, *emerging)


def pattern_features(shown: Iterable[Pattern]) -> list[object]:
    """Return ``[key, title, kind, facts, reasons, polygons]`` for each pattern."""
    return [
        [one.key, f"{one.key} {one.title}", one.kind, _facts(one), [one.note], encode(one.outline)]
        for one in shown
    ]


def _hot(spot: HotSpot) -> Pattern:
    times = spot.weight / spot.expected_weight if spot.expected_weight > 0 else 0.0
    return Pattern(
        key=spot.hot_spot_id,
        kind="hot",
        title=spot.name,
        seen=f"{wording.count(spot.n_records)}, {wording.count(spot.n_last_28_days)} of them in "
        "the last 28 days",
        usual=f"{times:.1f} times its borough's average",
        when=f"{wording.british_date(spot.first_day)} to {wording.british_date(spot.last_day)}",
        note="Reported incidents lie closer together here than chance would put them. A place, "
        "not a person: it says where, not who or why.",
        outline=shapely.Polygon(spot.polygon[0], spot.polygon[1:]),
    )


def _emerging(cluster: EmergingCluster, outlines: Outlines) -> Pattern:
    return Pattern(
        key=cluster.emerging_id,
        kind="emerging",
        title=cluster.name,
        seen=wording.count(cluster.observed),
        usual=f"{cluster.expected:.1f} usual in as many days",
        when=f"{wording.british_date(cluster.first_day)} to "
        f"{wording.british_date(cluster.last_day)}",
        note="More than its own past leads one to expect. Chance alone would show one as strong "
        f"{recurrence_in_words(cluster.recurrence_days)}.",
        outline=shapely.union_all([outlines.wards[code] for code in cluster.ward_codes]),
    )


def _facts(pattern: Pattern) -> list[Fact]:
    return [
        ("What", pattern.kind_in_words),
        ("Reported incidents", pattern.seen),
        ("Against", pattern.usual),
        ("When", pattern.when),
    ]
