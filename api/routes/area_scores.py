"""Scored areas as a list: which an actor may see, in which order, page by page.

A cursor carries the assessment it was made from, so that the pages of one list never mix two
assessments although a new one became the current one between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.access import Action, Actor, Resource, own_boroughs
from api.pagination import no_cursor, page_of, position
from api.problems import ProblemError, request_refused
from api.routes.bodies import BoroughCode, Identifier
from api.routes.documents import Document
from api.routes.permits import require, shown_assessment
from api.routes.stored import StoredAssessment, marking, required_assessment
from api.service import service_of
from hotspots.assessment import AreaScore, RiskAssessment

Level = Literal["ward", "borough"]
Target = Literal["demand", "harm"]
Order = Literal["rank", "code"]

AssessmentQuery = Annotated[
    Identifier | None, Query(description="By default the current assessment.")
]
TargetQuery = Annotated[
    Target,
    Query(description="demand: reported firearms incidents; harm: those that did harm."),
]
BoroughQuery = Annotated[BoroughCode | None, Query(description="Only of this borough.")]
TierQuery = Annotated[
    str | None, Query(max_length=40, description="Only of this tier, for example `very high`.")
]
OrderQuery = Annotated[
    Order | None,
    Query(description="rank, the highest first (as given), or code (as given to a borough user)."),
]
_RANK_DIGITS = 6


class ContributionDocument(Document):
    """Part of an area's expected incidents a week that comes from one source."""

    source: str
    expected_per_week: float


class ScoreDocument(Document):
    """The score of one area: incidents a week, their 90 % interval, and how sure its rank is.

    A borough user gets no rank, tier or reason: they tell of other areas.
    """

    code: str
    name: str
    borough_code: str
    expected_per_week: float = Field(description="Posterior mean of the week ahead.")
    lower_90: float
    upper_90: float
    coverage: str = Field(
        description="How well the feeds cover it: known, partial, unknown. The figures of an "
        "unknown area are what areas like it lead one to expect, not a count."
    )
    tier: str | None
    rank: int | None = Field(description="1 is the highest.")
    rank_lower_90: int | None
    rank_upper_90: int | None
    probability_top_decile: float | None
    contributions: list[ContributionDocument] | None
    reasons: list[str] | None


class ScoresDocument(Document):
    """What every page of scored areas says of itself."""

    assessment_id: str
    as_of: date
    classification: str
    notice: str
    target: Target
    matched: int = Field(description="Areas on all pages.")
    links: list[dict[str, str]]


@dataclass(frozen=True)
class Wanted:
    """Which scores are asked for, from the query of a request."""

    level: Level
    assessment_id: str | None = None
    target: Target = "demand"
    borough: str | None = None
    tier: str | None = None
    order: Order | None = None
    limit: int = 50
    cursor: str = ""


async def answer_list(request: Request, wanted: Wanted, name: str) -> Response:
    """Return a page of scores under a name, for the actor who asks.

    Raises
    ------
    ProblemError
        403 for a borough the actor may not see, 404 for an assessment that is not there, 422
        for a tier or a target it does not have and for a cursor of another list.
    """
    actor: Actor = request.state.actor
    if wanted.borough is not None:
        await require(request, Action.READ_BOROUGH, Resource(name, borough=wanted.borough))
    after = position(wanted.cursor, 3)
    if after is not None and wanted.assessment_id not in (None, after[0]):
        raise ProblemError(no_cursor())
    asked_id = after[0] if after else wanted.assessment_id
    kept, shown = await chosen_assessment(request, asked_id, Action.READ_BOROUGH)
    held_to = own_boroughs(actor, Action.READ_BOROUGH)
    order = wanted.order or ("code" if held_to is not None else "rank")
    found = _filtered(scores_of(shown.assessment, wanted.level, wanted.target), wanted, held_to)

    def key(one: AreaScore) -> tuple[str, str, str]:
        first = f"{one.rank:0{_RANK_DIGITS}d}" if order == "rank" else ""
        return (kept.folder.name, first, one.code)

    found = sorted(found, key=key)
    later = [one for one in found if after is None or key(one)[1:] > after[1:]]
    page = page_of(request, later[: wanted.limit + 1], wanted.limit, key)
    body = {
        **about(shown.assessment),
        "target": wanted.target,
        "matched": len(found),
        name: [score_document(one, held_to is None) for one in page.rows],
        "links": page.links(request),
    }
    return JSONResponse(body, headers={**marking(shown.assessment), **page.headers})


async def chosen_assessment(
    request: Request, assessment_id: str | None, action: Action
) -> tuple[StoredAssessment, StoredAssessment]:
    """Return the assessment asked for, and what the actor may see of it.

    Raises
    ------
    ProblemError
        404 when there is none, 403 when there is nothing of it that the actor may see.
    """
    service = service_of(request)
    stored = await required_assessment(service, assessment_id)
    return stored, await shown_assessment(request, service, stored, action)


def scores_of(assessment: RiskAssessment, level: Level, target: Target) -> Sequence[AreaScore]:
    """Return the scores of a level and a target.

    Raises
    ------
    ProblemError
        422 when the assessment does not score that target.
    """
    if target == "demand":
        return assessment.wards if level == "ward" else assessment.boroughs
    found = assessment.harm_wards if level == "ward" else assessment.harm_boroughs
    if not found:
        raise _refused("target", "harm is not scored by this assessment", "ask for demand")
    return found


def score_document(score: AreaScore, whole_picture: bool) -> dict[str, Any]:
    """Return a score as plain JSON values; see :class:`ScoreDocument`."""
    plain: dict[str, Any] = {
        name: getattr(score, name)
        for name in ("code", "name", "borough_code", "expected_per_week", "lower_90", "upper_90")
    }
    plain["coverage"] = score.coverage
    for name in ("tier", "rank", "rank_lower_90", "rank_upper_90", "probability_top_decile"):
        plain[name] = getattr(score, name) if whole_picture else None
    parts = [vars(one) for one in score.contributions]
    plain["contributions"] = parts if whole_picture else None
    plain["reasons"] = list(score.reasons) if whole_picture else None
    return plain


def about(assessment: RiskAssessment) -> dict[str, str]:
    """Return which assessment an answer is from, as members of a JSON document."""
    return {
        "assessment_id": assessment.assessment_id,
        "as_of": assessment.as_of.isoformat(),
        "classification": assessment.classification,
        "notice": assessment.notice,
    }


def _filtered(
    scores: Iterable[AreaScore], wanted: Wanted, held_to: frozenset[str] | None
) -> list[AreaScore]:
    scores = list(scores)
    if wanted.tier is not None:
        known = sorted({one.tier for one in scores})
        if held_to is not None:
            raise _refused("tier", "a tier tells of other areas", "leave it out")
        if wanted.tier not in known:
            raise _refused("tier", f"there is no tier {wanted.tier!r}", f"use {', '.join(known)}")
    return [
        one
        for one in scores
        if (held_to is None or one.borough_code in held_to)
        and wanted.borough in (None, one.borough_code)
        and wanted.tier in (None, one.tier)
    ]


def _refused(parameter: str, problem: str, remedy: str) -> ProblemError:
    return ProblemError(request_refused(problem, remedy, parameter))
