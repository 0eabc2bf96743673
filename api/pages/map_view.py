"""The page's own map: wards coloured by rate, boroughs ranked, patrol areas outlined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from api import wording
from api.pages.week_view import AreaRow, WeekView
from hotspots.assessment import AreaScore

CLASSES = 5
#: Markers of two boroughs keep this far apart, a circle and a line of text.
MARKER_GAP_M = 3200.0
ROUNDS = 40
NO_DATA, NOT_SCORED = "no-data", "not-scored"


@dataclass(frozen=True)
class WardMark:
    """One ward as drawn; ``shade`` is class-1 (lowest) to class-5, no-data or not-scored."""

    code: str
    path: str
    shade: str
    title: str


@dataclass(frozen=True)
class BoroughMark:
    """One borough as drawn, with where its rank goes."""

    code: str
    path: str
    x: int
    y: int
    rank: int | None
    unit_id: str
    label: str


@dataclass(frozen=True)
class LegendLine:
    """One line of the legend."""

    shade: str
    words: str


@dataclass(frozen=True)
class MapView:
    """The drawing, in metres from its north-west corner."""

    width: int
    height: int
    wards: tuple[WardMark, ...]
    boroughs: tuple[BoroughMark, ...]
    areas: tuple[tuple[str, str], ...]
    legend: tuple[LegendLine, ...]


def map_view(view: WeekView, places: Mapping[str, Any], areas: Mapping[str, Any] | None) -> MapView:
    """Return the drawing of a week.

    Parameters
    ----------
    view
        The week.
    places
        Shapes of wards and boroughs (:func:`api.pages.outlines.place_shapes`).
    areas
        Shapes of patrol areas by unit, ``None`` without a plan.
    """
    scores = {score.code: score for score in view.assessment.wards}
    bounds = class_bounds(view.assessment.wards)
    rows = {row.code: row for row in view.boroughs()}
    markers = apart({code: (one["x"], one["y"]) for code, one in places["boroughs"].items()})
    count = len(scores)
    return MapView(
        width=places["width_m"],
        height=places["height_m"],
        wards=tuple(
            _ward(code, shape["path"], scores.get(code), bounds, count)
            for code, shape in places["wards"].items()
        ),
        boroughs=tuple(
            _borough(code, shape["path"], markers[code], rows.get(code))
            for code, shape in places["boroughs"].items()
        ),
        areas=tuple((unit, shape["path"]) for unit, shape in (areas or {}).items()),
        legend=_legend(bounds, view.assessment.wards, places),
    )


def class_bounds(scores: tuple[AreaScore, ...]) -> tuple[float, ...]:
    """Return the upper bounds of all classes but the last: quintiles of the known rates."""
    rates = [score.expected_per_week for score in scores if score.coverage != "unknown"]
    if not rates:
        return ()
    shares = np.arange(1, CLASSES) / CLASSES
    return tuple(float(bound) for bound in np.quantile(np.array(rates), shares))


def _shade(score: AreaScore | None, bounds: tuple[float, ...]) -> str:
    if score is None:
        return NOT_SCORED
    if score.coverage == "unknown":
        return NO_DATA
    return f"class-{1 + sum(score.expected_per_week > bound for bound in bounds)}"


def _ward(
    code: str, path: str, score: AreaScore | None, bounds: tuple[float, ...], count: int
) -> WardMark:
    shade = _shade(score, bounds)
    if score is None:
        return WardMark(code, path, shade, "City of London: another force, not scored")
    words = (
        f"{score.name}: {wording.rate(score.expected_per_week)} expected a week "
        f"(90% interval {wording.interval(score.lower_90, score.upper_90)}), "
        f"rank {score.rank_lower_90}–{score.rank_upper_90} of {count}"
    )
    return WardMark(code, path, shade, f"{words}, no data" if shade == NO_DATA else words)


def apart(markers: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """Return marker places pushed apart until none is nearer than ``MARKER_GAP_M`` to another.

    Each round moves every pair that is too near by half of what is missing, along the line
    between them; a few dozen rounds settle London's boroughs.
    """
    codes = list(markers)
    at = np.array([markers[code] for code in codes], dtype=np.float64).reshape(-1, 2)
    for _ in range(ROUNDS):
        step = at[:, None, :] - at[None, :, :]
        distance = np.hypot(step[..., 0], step[..., 1])
        np.fill_diagonal(distance, np.inf)
        short = np.clip(MARKER_GAP_M - distance, 0.0, None)
        at = at + (step / np.maximum(distance, 1.0)[..., None] * short[..., None] / 2).sum(axis=1)
    return {code: (round(x), round(y)) for code, (x, y) in zip(codes, at, strict=True)}


def _borough(code: str, path: str, at: tuple[int, int], row: AreaRow | None) -> BoroughMark:
    if row is None:
        return BoroughMark(code, path, *at, None, "", "not scored")
    unit = f", patrolled by {row.unit_id}" if row.unit_id else ""
    label = f"{row.name}, rank {row.rank}{unit}: show reasons"
    return BoroughMark(code, path, *at, row.rank, row.unit_id, label)


def _legend(
    bounds: tuple[float, ...], scores: tuple[AreaScore, ...], places: Mapping[str, Any]
) -> tuple[LegendLine, ...]:
    lines = []
    if bounds:
        edges = [wording.rate(bound) for bound in bounds]
        words = [f"up to {edges[0]}"]
        words += [f"{low} to {high}" for low, high in pairwise(edges)]
        words.append(f"more than {edges[-1]}")
        lines = [LegendLine(f"class-{n}", text) for n, text in enumerate(words, start=1)]
    if any(score.coverage == "unknown" for score in scores):
        lines.append(LegendLine(NO_DATA, "no data: unknown, not low"))
    if len(places["wards"]) > len(scores):
        lines.append(LegendLine(NOT_SCORED, "not scored (another force)"))
    return tuple(lines)
