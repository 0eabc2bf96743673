"""Why an area scores what it scores: plain sentences, evidence table and known gaps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hotspots.assessment import AreaScore, Contribution, EvidenceLine, rounded
from hotspots.incidents import FeedReading
from hotspots.known import KnownRecords
from hotspots.places import PolicedPlaces
from hotspots.sources import REGISTRY, SHOWN_BY_RULE
from hotspots.weighing import WeighedEvidence, sources_of

Floats = NDArray[np.float64]

PRIOR = "pooled_prior"
PRIOR_TITLE = "what similar wards suggest"


def title(source: str) -> str:
    """Return the name a reader knows a source by."""
    if source == PRIOR:
        return PRIOR_TITLE
    return REGISTRY[source].title if source in REGISTRY else source


def reasons(
    *,
    mean_per_week: float,
    average_per_week: float,
    contributions: Sequence[Contribution],
    observed: Sequence[tuple[str, float, float]],
    here: str,
    coverage: str,
    ranks: tuple[int, int, int],
    counted: str = "incidents",
) -> tuple[str, ...]:
    """Return the sentences that explain one area's score, most telling first.

    Parameters
    ----------
    mean_per_week, average_per_week
        The area's posterior mean and that of the average area of its kind.
    contributions
        Its exact parts.
    observed
        (source, offences or records, weeks covered) of what was counted in the area.
    here
        What was counted in the area, by kind and by age, in words; may be empty.
    coverage
        known, partial or unknown.
    ranks
        Lower and upper bound of the 90 % rank interval, and the number of areas.
    counted
        What the events are called.
    """
    lines = []
    if coverage == "unknown":
        lines.append(
            "No feed covers this area: the score is what similar areas suggest, not a finding."
        )
    elif coverage == "partial":
        lines.append("The feeds cover this area only in part.")
    ratio = mean_per_week / average_per_week if average_per_week > 0 else 1.0
    lines.append(f"Expected {mean_per_week:.3f} {counted} a week, {ratio:.1f} times the average.")
    for source, number, weeks in observed:
        if weeks > 0:
            lines.append(f"{title(source)}: {number:,.0f} in {weeks:,.0f} weeks covered.")
    largest = sorted(contributions, key=lambda part: (-part.expected_per_week, part.source))
    for part in largest[:3]:
        share = part.expected_per_week / mean_per_week if mean_per_week > 0 else 0.0
        if share >= 0.01:
            lines.append(f"{share:.0%} of the score comes from {_in_sentence(part.source)}.")
    if here:
        lines.append(here)
    lines.append(f"Its rank lies between {ranks[0]} and {ranks[1]} of {ranks[2]} (90% interval).")
    return tuple(lines)


def _in_sentence(source: str) -> str:
    return PRIOR_TITLE if source == PRIOR else title(source)


def evidence_lines(
    readings: Sequence[FeedReading],
    known: KnownRecords,
    evidence: WeighedEvidence,
    places: PolicedPlaces,
) -> tuple[EvidenceLine, ...]:
    """Return one line a source: what was accepted, used, shown only and rejected.

    Records are counted as records, published counts as offences.
    """
    keys = set(known.records["source"].unique())
    for reading in readings:
        keys |= set(reading.counts["source"].unique())
    return tuple(_line(key, readings, evidence, places) for key in sorted(keys))


def _line(
    key: str, readings: Sequence[FeedReading], evidence: WeighedEvidence, places: PolicedPlaces
) -> EvidenceLine:
    records = evidence.records
    mine = (records.records["source"] == key).to_numpy(dtype=bool)
    use, weight = records.use[mine], records.weight[mine]
    own = [reading for reading in readings if key in sources_of(reading)]
    offences, discovered = _offences(key, own)
    stale = key in evidence.stale
    used = int((use == "used").sum())
    offences_used = round(evidence.offences_used.get(key, 0.0))
    total_weight = float(weight[use == "used"].sum())
    if key in evidence.counting:
        number = evidence.counting.index(key)
        total_weight = float(evidence.data.counts[number].sum())
        total_weight += float(evidence.data.borough_counts[number].sum())
    first, last = _span(records.records[mine], own)
    whole = all(bool(places.covered_wards(one.coverage.areas).all()) for one in own)
    return EvidenceLine(
        source=key,
        title=title(key),
        accepted=int(mine.sum()) + offences,
        used=used + offences_used,
        discovered_shown_only=int((use == "discovered").sum()) + discovered,
        stale_shown_only=int((use == "stale").sum()) + (offences - discovered if stale else 0),
        rejected=sum(len(one.rejected) for one in own if sources_of(one)[0] == key),
        first_day=first,
        last_day=last,
        coverage="unknown" if not own else "known" if whole else "partial",
        effective_weight=rounded(total_weight / max(used + offences_used, 1)),
        merged=int((use == "merged").sum()),
    )


def _offences(key: str, own: Sequence[FeedReading]) -> tuple[int, int]:
    """Return the published offences of a source, and how many of them are discovered."""
    whole = discovered = 0
    for one in own:
        mine = one.counts[(one.counts["source"] == key).to_numpy(dtype=bool)]
        found = (mine["basis"] == "discovered").to_numpy(dtype=bool)
        whole += int(mine["count"].sum())
        discovered += int(mine["count"][found].sum())
    return whole, discovered


def _span(mine: pd.DataFrame, own: Sequence[FeedReading]) -> tuple[date | None, date | None]:
    """Return the first and last day of a source's known records, else of what it covers."""
    if not len(mine):
        firsts = [one.coverage.first_day for one in own]
        lasts = [one.coverage.last_day for one in own]
        return (min(firsts), max(lasts)) if own else (None, None)
    days = [mine["occurred_from"].min(), mine["occurred_to"].max()]
    local = pd.DatetimeIndex(days).tz_convert("Europe/London")
    return local.min().date(), local.max().date()


def data_gaps(
    readings: Sequence[FeedReading],
    known: KnownRecords,
    evidence: WeighedEvidence,
    wards: Sequence[AreaScore],
    boroughs: Sequence[AreaScore],
    *,
    as_of: date,
) -> tuple[str, ...]:
    """Return what the meeting must know that the picture does not rest on."""
    lines = [
        f"{title(key)}: ends on {last:%d/%m/%Y}, {(as_of - last).days:,} days before the as-of "
        "day: shown as stale, not used as recent."
        for key, last in sorted(evidence.stale.items())
    ]
    lines += _coverage_gaps(wards, boroughs)
    use = evidence.records.use
    for state, words in (
        ("outside", "records lie where or when their own feed is not known to be complete"),
        ("counted", "records are already in published totals and only place them inside wards"),
        ("discovered", "discovered records are shown and weigh nothing"),
        ("merged", "records tell of an incident that another system's record already counts"),
    ):
        number = int((use == state).sum())
        if number:
            lines.append(f"{number:,} {words}.")
    for number, words in (
        (known.not_yet_known, "records became known or happened on or after the as-of day: unused"),
        (known.duplicates, "records appear in more than one feed: counted once"),
        (known.superseded, "record versions are superseded by a correction"),
        (known.withdrawn, "records are withdrawn"),
    ):
        if number:
            lines.append(f"{number:,} {words}.")
    present = set(evidence.records.records["source"].unique())
    lines += [
        f"{title(key)}: shown only, because {why}."
        for key, why in sorted(SHOWN_BY_RULE.items())
        if key in present
    ]
    lines += [line for reading in readings for line in reading.warnings]
    return tuple(dict.fromkeys(lines))


def with_handling_gap(gaps: tuple[str, ...], records: int, *, sanitised: bool) -> tuple[str, ...]:
    """Return the gaps with the sentence on material with handling code C, if there is any.

    What was left out is a gap and comes first; what is in the picture is a condition and comes
    last. ``records`` is how many with the code any output used.
    """
    if sanitised:
        return ("Sanitised: material with handling code C is left out.", *gaps)
    if not records:
        return gaps
    return (
        *gaps,
        f"{records:,} records with handling code C weigh or are counted in this picture; through "
        "pooling every score rests a little on each that weighs. Share it under their conditions, "
        "or make the sanitised version.",
    )


def _coverage_gaps(wards: Sequence[AreaScore], boroughs: Sequence[AreaScore]) -> list[str]:
    names = {one.code: one.name for one in boroughs}
    lines = []
    for state, words in (
        ("unknown", "No feed covers"),
        ("partial", "Covered only in part, or only as borough totals:"),
    ):
        mine = [one for one in wards if one.coverage == state]
        if mine:
            where = ", ".join(sorted({names[one.borough_code] for one in mine}))
            lines.append(f"{words} {len(mine)} wards, in {where}.")
    return lines


def coverage_states(
    direct_days: Floats, proxy_days: Floats, borough_days: Floats
) -> tuple[str, ...]:
    """Name each ward's coverage, from the days (W,) on which each kind of feed covered it.

    ``known``: incidents (or proxies, when nothing counts incidents anywhere) were counted on
    at least half of the days of the best covered ward. ``partial``: on fewer days, only by a
    proxy, or only as part of the borough. ``unknown``: never.
    """
    leading = direct_days if direct_days.any() else proxy_days
    known = (leading > 0) & (leading >= leading.max(initial=0.0) / 2)
    partial = (direct_days > 0) | (proxy_days > 0) | (borough_days > 0)
    return tuple(np.where(known, "known", np.where(partial, "partial", "unknown")).tolist())
