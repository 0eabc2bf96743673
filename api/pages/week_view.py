"""What the meeting's page shows of a week: plain values, worded and ordered, ready to print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from allocator.plan import PatrolPlan, UnitPlacement
from api import wording
from api.assumptions import Assumption, assumptions
from api.pattern_view import NONE, PatternRow, neighbourhoods_in_words, pattern_rows
from api.titles import as_title
from hotspots.assessment import AreaScore, EvidenceLine, RiskAssessment

WARDS_SHOWN = 25
SMALLEST_PART = 0.001


@dataclass(frozen=True)
class Whisker:
    """A mean and its interval on a common scale of 0 to 100, for a small drawing."""

    low: float
    mean: float
    high: float


@dataclass(frozen=True)
class AreaRow:
    """One ranked ward or borough."""

    code: str
    name: str
    borough: str
    rank: int
    ranks: str
    rate: str
    interval: str
    whisker: Whisker
    tier: str
    coverage: str
    unit_id: str
    reached: str


@dataclass(frozen=True)
class UnitRow:
    """One unit and its default patrol area."""

    unit_id: str
    provenance: str
    boroughs: tuple[tuple[str, str], ...]
    support: tuple[tuple[str, str], ...]
    wards: int
    lost: str
    reason: str
    runner_up: str


@dataclass(frozen=True)
class ContributionRow:
    """What one source adds to an area's expected incidents a week."""

    source: str
    rate: str
    share: str


@dataclass(frozen=True)
class AreaDetails:
    """Everything the assessment says about one ward or borough, and the plan about it."""

    kind: Literal["ward", "borough"]
    row: AreaRow
    of: int
    borough_code: str
    top_decile: str
    contributions: tuple[ContributionRow, ...]
    reasons: tuple[str, ...]
    unit_reason: str


@dataclass(frozen=True)
class EvidenceRow:
    """One source in the evidence table."""

    title: str
    accepted: str
    used: str
    set_aside: str
    rejected: str
    period: str
    coverage: str


@dataclass(frozen=True)
class WeekChoice:
    """One week of the selector."""

    week: str
    label: str


class WeekView:
    """The rows of one week's page.

    Parameters
    ----------
    assessment
        The risk assessment shown.
    plan
        The plan of the week made from it, or ``None``.
    """

    no_patterns = NONE

    def __init__(self, assessment: RiskAssessment, plan: PatrolPlan | None) -> None:
        self.assessment = assessment
        self.plan = plan
        self._borough_names = {score.code: score.name for score in assessment.boroughs}
        self._titles = {line.source: line.title for line in assessment.evidence}
        self._units = {code: unit for unit in plan.units for code in unit.boroughs} if plan else {}
        self._reached = {one.code: one.coverage for one in plan.boroughs} if plan else {}
        self._scores = {one.code: one for one in (*assessment.boroughs, *assessment.wards)}

    def boroughs(self) -> tuple[AreaRow, ...]:
        """Return the boroughs, highest expected rate first."""
        return self._rows(self.assessment.boroughs)

    def wards(self, *, every: bool) -> tuple[AreaRow, ...]:
        """Return the wards, highest expected rate first: all of them, or the first few."""
        rows = self._rows(self.assessment.wards)
        return rows if every else rows[:WARDS_SHOWN]

    def units(self) -> tuple[UnitRow, ...]:
        """Return the units in the order of the plan."""
        return tuple(self._unit_row(unit) for unit in self.plan.units) if self.plan else ()

    def details(self, code: str) -> AreaDetails | None:
        """Return what is known about a ward or borough, ``None`` when the code is not scored."""
        score = self._scores.get(code)
        if score is None:
            return None
        is_borough = code in self._borough_names
        peers = self.assessment.boroughs if is_borough else self.assessment.wards
        unit = self._units.get(score.borough_code)
        return AreaDetails(
            kind="borough" if is_borough else "ward",
            row=self._row(score, _scale(peers)),
            of=len(peers),
            borough_code=score.borough_code,
            top_decile=wording.percent(score.probability_top_decile, 0),
            contributions=self._contributions(score),
            reasons=score.reasons,
            unit_reason=unit.reason if unit else "",
        )

    def found(self, text: str) -> str | None:
        """Return the code of the ward or borough a person typed: a code, or a name.

        A borough goes before a ward of the same name, an exact name before a beginning.
        """
        wanted = " ".join(text.split()).casefold()
        if not wanted:
            return None
        labels = [(self.label(score).casefold(), score) for score in self._scores.values()]
        for fits in (
            lambda label, score: wanted in (score.code.casefold(), score.name.casefold(), label),
            lambda label, _score: label.startswith(wanted),
            lambda label, _score: wanted in label,
        ):
            for label, score in labels:
                if fits(label, score):
                    return score.code
        return None

    def label(self, score: AreaScore) -> str:
        """Return the name of an area, a ward's with its borough."""
        if score.code in self._borough_names:
            return score.name
        return f"{score.name}, {self._borough_names.get(score.borough_code, '')}"

    def labels(self) -> tuple[str, ...]:
        """Return the names a person may search for."""
        return tuple(self.label(score) for score in self._scores.values())

    def patterns(self) -> tuple[PatternRow, ...]:
        """Return the hot spots and emerging clusters."""
        return pattern_rows(self.assessment)

    def neighbourhoods(self) -> str:
        """Return one sentence on raised neighbourhoods, empty when none was tested."""
        return neighbourhoods_in_words(self.assessment)

    def evidence(self) -> tuple[EvidenceRow, ...]:
        """Return the evidence table."""
        return tuple(_evidence_row(line) for line in self.assessment.evidence)

    def assumptions(self) -> tuple[Assumption, ...]:
        """Return what the plan rests on."""
        return assumptions(self.plan.settings, self._borough_names) if self.plan else ()

    def _rows(self, scores: Sequence[AreaScore]) -> tuple[AreaRow, ...]:
        scale = _scale(scores)
        ordered = sorted(scores, key=lambda score: (score.rank, score.code))
        return tuple(self._row(score, scale) for score in ordered)

    def _row(self, score: AreaScore, scale: float) -> AreaRow:
        unit = self._units.get(score.borough_code)
        reached = self._reached.get(score.borough_code)
        return AreaRow(
            code=score.code,
            name=score.name,
            borough=self._borough_names.get(score.borough_code, score.borough_code),
            rank=score.rank,
            ranks=f"{score.rank_lower_90}–{score.rank_upper_90}",
            rate=wording.rate(score.expected_per_week),
            interval=wording.interval(score.lower_90, score.upper_90),
            whisker=Whisker(
                *(
                    round(100 * min(value / scale, 1.0), 1)
                    for value in (score.lower_90, score.expected_per_week, score.upper_90)
                )
            ),
            tier=score.tier,
            coverage=wording.data_coverage(score),
            unit_id=unit.unit_id if unit else "",
            reached=wording.percent(reached, 0) if reached is not None else "",
        )

    def _unit_row(self, unit: UnitPlacement) -> UnitRow:
        return UnitRow(
            unit_id=unit.unit_id,
            provenance=unit.provenance,
            boroughs=self._named(unit.boroughs),
            support=self._named(unit.support),
            wards=len(unit.wards),
            lost=wording.points(unit.marginal_coverage),
            reason=unit.reason,
            runner_up=self._runner_up(unit),
        )

    def _named(self, codes: Sequence[str]) -> tuple[tuple[str, str], ...]:
        return tuple((code, self._borough_names.get(code, code)) for code in codes)

    def _runner_up(self, unit: UnitPlacement) -> str:
        if unit.runner_up is None:
            return ""
        names = ", ".join(name for _, name in self._named(unit.runner_up.boroughs))
        loss = wording.points(unit.runner_up.objective_loss)
        return f"Next best area: {names}, at a cost of {loss} percentage points."

    def _contributions(self, score: AreaScore) -> tuple[ContributionRow, ...]:
        total = score.expected_per_week or 1.0
        ordered = sorted(score.contributions, key=lambda one: -one.expected_per_week)
        return tuple(
            ContributionRow(
                source=self._titles.get(one.source, as_title(one.source)),
                rate=_part(one.expected_per_week),
                share=wording.percent(one.expected_per_week / total, 0),
            )
            for one in ordered
        )


def week_choices(weeks: Sequence[str]) -> tuple[WeekChoice, ...]:
    """Return the weeks of the selector, latest first."""
    return tuple(WeekChoice(week, f"{week}, from {_monday(week)}") for week in reversed(weeks))


def week_to_show(weeks: Sequence[str], today: date) -> str | None:
    """Return this week when it has a plan, else the latest week that has one."""
    year, number, _ = today.isocalendar()
    this_week = f"{year}-W{number:02d}"
    return this_week if this_week in weeks else (weeks[-1] if weeks else None)


def _part(value: float) -> str:
    """Return a part of a weekly rate; what no reader can use is only said to be small."""
    return wording.rate(value) if value >= SMALLEST_PART else f"under {SMALLEST_PART:g}"


def _monday(week: str) -> str:
    year, number = week.split("-W")
    return wording.british_date(date.fromisocalendar(int(year), int(number), 1))


def _scale(scores: Sequence[AreaScore]) -> float:
    return max((score.upper_90 for score in scores), default=1.0) or 1.0


def _evidence_row(line: EvidenceLine) -> EvidenceRow:
    aside = [
        f"{count:,} {words}"
        for count, words in (
            (line.discovered_shown_only, "discovered"),
            (line.stale_shown_only, "stale"),
        )
        if count
    ]
    days = [day for day in (line.first_day, line.last_day) if day is not None]
    return EvidenceRow(
        title=line.title,
        accepted=f"{line.accepted:,}",
        used=f"{line.used:,}",
        set_aside=", ".join(aside) or "none",
        rejected=f"{line.rejected:,}",
        period=" to ".join(f"{day:%d/%m/%Y}" for day in days) or "no records",
        coverage=line.coverage,
    )
