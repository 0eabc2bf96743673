"""The papers beside a plan as a chair reads them: verdict, backtest card, equality statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from api.plans.equality import NOT_ASSESSED
from api.titles import as_title
from api.wording import british_date, count, percent

Values = Mapping[str, Any]

#: What the methods of a backtest are called; others go by their own names.
METHODS: Mapping[str, str] = {
    "mixture": "This method",
    "area_share": "Every cell alike",
    "count_10_years": "Count of ten years",
    "count_1_year": "Count of one year",
    "district_share": "Share of each borough",
    "fixed_mix": "Fixed mix of count and kernels",
    "kernel_density_28_days": "Kernel density of 28 days",
}
OWN_METHOD = "mixture"
DRAWN_WIDTH = 100.0


@dataclass(frozen=True)
class Bar:
    """A share drawn as a bar from 0 to :data:`DRAWN_WIDTH`, with its words."""

    label: str
    share: str
    width: float
    own: bool


@dataclass(frozen=True)
class MethodRow:
    """One method of the backtest: a hit rate for each share of area."""

    name: str
    own: bool
    hit_rates: tuple[str, ...]
    log_score: str


@dataclass(frozen=True)
class Comparison:
    """How the method stands to the best baseline at one share of area."""

    area: str
    baseline: str
    ratio: str
    finding: str


@dataclass(frozen=True)
class CardView:
    """A backtest card, ready to print; ``bars`` draw the hit rates at one share of area."""

    verdict: str
    basis: str
    areas: tuple[str, ...]
    rows: tuple[MethodRow, ...]
    comparisons: tuple[Comparison, ...]
    bars_area: str
    bars: tuple[Bar, ...]
    calibration: str


@dataclass(frozen=True)
class Whisker:
    """A share with its 95 % interval, placed on a common scale of 0 to :data:`DRAWN_WIDTH`."""

    label: str
    share: str
    low: float
    mean: float
    high: float
    own: bool


@dataclass(frozen=True)
class EqualityRow:
    """One group of the equality statement, beside everybody."""

    characteristic: str
    group: str
    residents: str
    coverage: str
    coverage_ratio: str
    vehicles_ratio: str
    expected_ratio: str


@dataclass(frozen=True)
class EqualityView:
    """An equality statement, ready to print; without figures it is not assessed."""

    assessed: bool
    words: tuple[str, ...]
    rows: tuple[EqualityRow, ...]
    about: str


def card_view(card: Values) -> CardView | None:
    """Return a backtest card as it is shown, ``None`` when it holds no figures."""
    methods, settings = card.get("methods"), card.get("settings")
    if not isinstance(methods, Mapping) or not isinstance(settings, Mapping):
        return None
    shares = [float(share) for share in settings["area_shares"]]
    ordered = sorted(methods, key=lambda name: (name != OWN_METHOD, -_hit(methods[name], -1)))
    drawn = len(shares) // 2
    return CardView(
        verdict=str(card.get("verdict", "")),
        basis=_basis(settings),
        areas=tuple(_area(share) for share in shares),
        rows=tuple(_method(name, methods[name]) for name in ordered),
        comparisons=tuple(_comparison(one) for one in card.get("against_best_baseline", ())),
        bars_area=_area(shares[drawn]),
        bars=_bars(ordered, methods, drawn),
        calibration=_calibration(card.get("calibration", {})),
    )


def verdict_picture(verdict: Values) -> tuple[Whisker, ...]:
    """Return the shares reached in time of a verdict's placements, the plan's first.

    Empty when nothing was simulated, or the document holds words alone.
    """
    proposed = verdict.get("proposed")
    if not isinstance(proposed, Mapping) or "share_within" not in proposed:
        return ()
    named = [("Proposed plan", proposed["share_within"], True)]
    named += [(str(one["label"]), one["share_within"], False) for one in verdict.get("rivals", ())]
    ends = [_ends(share) for _, share, _ in named]
    lowest, highest = min(low for low, _ in ends), max(high for _, high in ends)
    span = (highest - lowest) or 1.0

    def place(share: float) -> float:
        return round(DRAWN_WIDTH * (share - lowest) / span, 2)

    return tuple(
        Whisker(label, percent(share["value"]), place(low), place(share["value"]), place(high), own)
        for (label, share, own), (low, high) in zip(named, ends, strict=True)
    )


def equality_view(statement: Values) -> EqualityView:
    """Return an equality statement as it is shown."""
    words = tuple(str(line) for line in statement.get("words", ()))
    if statement.get("status") == NOT_ASSESSED:
        return EqualityView(False, words, (), "")
    level = str(statement["level"])
    return EqualityView(
        assessed=True,
        words=words,
        rows=tuple(_group(one) for one in statement["groups"]),
        about=f"{count(statement['areas_with_data'])} {level} have data; "
        f"{count(len(statement['areas_without_data']))} have none.",
    )


def _ends(share: Values) -> tuple[float, float]:
    """Return an estimate's interval, the estimate itself where it has none."""
    value = share["value"]
    low, high = share.get("lower_95"), share.get("upper_95")
    return (value if low is None else low), (value if high is None else high)


def _hit(method: Values, place: int) -> float:
    return float(method["hit_rate"][place])


def _method(name: str, method: Values) -> MethodRow:
    rates = tuple(percent(float(rate)) for rate in method["hit_rate"])
    return MethodRow(
        _called(name), name == OWN_METHOD, rates, f"{float(method['log_score']) + 0.0:.2f}"
    )


def _bars(names: Sequence[str], methods: Mapping[str, Values], place: int) -> tuple[Bar, ...]:
    rates = [(name, _hit(methods[name], place)) for name in names]
    most = max((rate for _, rate in rates), default=0.0) or 1.0
    return tuple(
        Bar(_called(name), percent(rate), round(DRAWN_WIDTH * rate / most, 2), name == OWN_METHOD)
        for name, rate in rates
    )


def _comparison(one: Values) -> Comparison:
    low, high, ratio = float(one["low"]), float(one["high"]), float(one["ratio"])
    finding = "no clear difference"
    if low > 1:
        finding = "better"
    elif high < 1:
        finding = "worse"
    return Comparison(
        _area(float(one["area_share"])),
        _called(str(one["baseline"])),
        f"{ratio:.2f} ({low:.2f} to {high:.2f})",
        finding,
    )


def _basis(settings: Values) -> str:
    first, last = date.fromisoformat(settings["start"]), date.fromisoformat(settings["end"])
    return (
        f"{count(settings['n_windows'])} windows of {settings['horizon_days']} days from "
        f"{british_date(first)} to {british_date(last)}, {count(settings['n_incidents'])} "
        f"incidents, cells of {float(settings['cell_size_m']):.0f} m. Each window is forecast "
        "only with what was known before it."
    )


def _calibration(figures: Values) -> str:
    if "expected" not in figures:
        return ""
    return (
        f"{count(round(figures['expected']))} incidents were expected and "
        f"{count(round(figures['observed']))} came; {percent(figures['within_90'], 0)} of windows "
        "lay within their 90% interval."
    )


def _group(one: Values) -> EqualityRow:
    return EqualityRow(
        characteristic=str(one["characteristic"]),
        group=str(one["group"]),
        residents=count(round(one["residents"])),
        coverage=percent(one["coverage"]),
        coverage_ratio=f"{one['coverage_ratio']:.2f}",
        vehicles_ratio=f"{one['vehicles_ratio']:.2f}",
        expected_ratio=f"{one['expected_ratio']:.2f}",
    )


def _area(share: float) -> str:
    return f"{100 * share:g}% of area"


def _called(name: str) -> str:
    return METHODS.get(name, as_title(name))
