"""Hot spots, emerging clusters and raised neighbourhoods in the words of the meeting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from api.wording import british_date, count
from hotspots.assessment import RiskAssessment
from hotspots.findings import EmergingCluster, HotSpot, NeighbourhoodTest
from hotspots.scan import recurrence_in_words

COLUMNS = ("Place", "Wards", "Reported", "Expected", "When", "How sure")
#: Wards of a pattern, and raised neighbourhoods, that are named one by one.
WARDS_NAMED, NEIGHBOURHOODS_NAMED = 4, 5
NONE = "No hot spot or emerging cluster was found: nothing lies closer together than by chance."


@dataclass(frozen=True)
class PatternRow:
    """One hot spot or emerging cluster, every cell worded, in the order of :data:`COLUMNS`."""

    key: str
    name: str
    wards: str
    reported: str
    expected: str
    when: str
    sure: str

    @property
    def cells(self) -> tuple[str, ...]:
        """Return the cells of its row."""
        place = f"{self.key} {self.name}"
        return (place, self.wards, self.reported, self.expected, self.when, self.sure)


def pattern_rows(assessment: RiskAssessment) -> tuple[PatternRow, ...]:
    """Return the hot spots, the heaviest first, then the emerging clusters."""
    names = {one.code: one.name for one in assessment.wards}
    hot = (_hot(one, names) for one in assessment.clusters)
    return (*hot, *(_emerging(one, names) for one in assessment.emerging))


def neighbourhoods_in_words(assessment: RiskAssessment) -> str:
    """Return one sentence on the wards raised together with those next to them; may be empty."""
    tested = assessment.neighbourhoods
    raised = sorted((one for one in tested if one.significant), key=_order)
    if not raised:
        return f"None of {count(len(tested))} neighbourhoods is above chance." if tested else ""
    names = {one.code: one.name for one in assessment.wards}
    told = "; ".join(
        f"{names[one.ward_code]} ({count(one.observed)} against {one.expected:,.1f})"
        for one in raised[:NEIGHBOURHOODS_NAMED]
    )
    wards = "1 ward has" if len(raised) == 1 else f"{count(len(raised))} wards have"
    most = ", the most raised first" if len(raised) > NEIGHBOURHOODS_NAMED else ""
    return (
        f"{wards}, with the wards next to them, more incidents than chance allows (of "
        f"{count(len(tested))} tested, at a false discovery rate of 5%){most}: {told}."
    )


def _order(one: NeighbourhoodTest) -> tuple[float, str]:
    return -one.observed / max(one.expected, 1e-9), one.ward_code


def _hot(spot: HotSpot, names: dict[str, str]) -> PatternRow:
    times = spot.weight / spot.expected_weight if spot.expected_weight > 0 else 0.0
    recent = f", {count(spot.n_last_28_days)} in the last 28 days" if spot.n_last_28_days else ""
    return PatternRow(
        key=spot.hot_spot_id,
        name=spot.name,
        wards=_wards(spot.ward_codes, names),
        reported=f"{count(spot.n_records)}{recent}",
        expected=f"{spot.expected_weight:.1f} by its borough's average",
        when=f"{british_date(spot.first_day)} to {british_date(spot.last_day)}",
        sure=f"{times:.1f} times as dense, beyond chance",
    )


def _emerging(cluster: EmergingCluster, names: dict[str, str]) -> PatternRow:
    return PatternRow(
        key=cluster.emerging_id,
        name=cluster.name,
        wards=_wards(cluster.ward_codes, names),
        reported=count(cluster.observed),
        expected=f"{cluster.expected:.1f} by its own past",
        when=f"{british_date(cluster.first_day)} to {british_date(cluster.last_day)}",
        sure=f"emerging: chance shows one as strong {recurrence_in_words(cluster.recurrence_days)}",
    )


def _wards(codes: Sequence[str], names: dict[str, str]) -> str:
    named = ", ".join(names.get(code, code) for code in codes[:WARDS_NAMED])
    more = len(codes) - WARDS_NAMED
    return named + (f" and {more} more" if more > 0 else "")
