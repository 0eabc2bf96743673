"""A plan beside other placements, and other plans nearly as good, over HTTP.

As `arv compare` and `arv alternatives`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from api.routes.allocate import LONGEST_WAIT_S
from api.routes.bodies import FleetBody, Identifier, Strict
from api.routes.plans import KEY, PlanKey
from api.routes.recorded_plan import RecordedPlan, chosen_fleet, plan_before
from api.routes.studies import Study
from api.routes.study_documents import AlternativesDocument, ComparisonDocument
from api.service import Service
from api.working.study_orders import (
    COMPARE,
    FIND_ALTERNATIVES,
    AlternativesOrder,
    ComparisonOrder,
    Studied,
)

EarlierKey = Annotated[str, StringConstraints(pattern=KEY)]


class ComparisonBody(Strict):
    """What is asked of a comparison: the fleet that the plan was made with, and time."""

    fleet: FleetBody | None = None
    fleet_id: Identifier | None = Field(
        default=None, description="The fleet that the plan was made with; or send fleet."
    )
    previous: EarlierKey | None = Field(
        default=None,
        description="Key of the plan before it; by default the one it counts its changes from, "
        "or what stands approved of the latest earlier week.",
    )
    time_limit_s: float = Field(
        default=60.0, gt=0, le=600, description="Seconds for all the solves together."
    )


class AlternativesBody(ComparisonBody):
    """What is asked of other plans nearly as good."""

    count: int = Field(default=2, ge=1, le=8, description="How many other plans.")
    tolerance: float = Field(
        default=0.005, ge=1e-6, le=0.1, description="Share of the proven best to give up."
    )


async def compare_plan(request: Request, key: PlanKey, body: ComparisonBody) -> Response:
    """Set a plan beside the ways it could have been made, and price its rules."""
    return await COMPARISON.ask(request, key, body, long=body.time_limit_s > LONGEST_WAIT_S)


async def read_comparison(request: Request, key: PlanKey) -> Response:
    """Return the comparison of a plan that was asked for last."""
    return await COMPARISON.read(request, key)


async def find_alternatives(request: Request, key: PlanKey, body: AlternativesBody) -> Response:
    """Find plans nearly as good that differ from a plan as much as possible."""
    return await ALTERNATIVES.ask(request, key, body, long=body.time_limit_s > LONGEST_WAIT_S)


async def read_alternatives(request: Request, key: PlanKey) -> Response:
    """Return the other plans nearly as good that were asked for last."""
    return await ALTERNATIVES.read(request, key)


async def _studied(service: Service, found: RecordedPlan, body: ComparisonBody) -> Studied:
    fleet = await chosen_fleet(service, body.fleet, body.fleet_id)
    return Studied(found.plan, found.source.folder, fleet)


async def _comparison(
    service: Service, found: RecordedPlan, body: ComparisonBody
) -> ComparisonOrder:
    return ComparisonOrder(
        await _studied(service, found, body),
        previous=await plan_before(service, found, body.previous),
        time_limit_s=body.time_limit_s,
    )


async def _alternatives(
    service: Service, found: RecordedPlan, body: AlternativesBody
) -> AlternativesOrder:
    return AlternativesOrder(
        await _studied(service, found, body),
        count=body.count,
        tolerance=body.tolerance,
        previous=await plan_before(service, found, body.previous),
        time_limit_s=body.time_limit_s,
    )


COMPARISON = Study(
    "comparison",
    "compare",
    ComparisonBody,
    COMPARE,
    _comparison,
    lambda body: body.time_limit_s,
    (("Comparing placements", 1), ("Pricing the rules", 1)),
)
ALTERNATIVES = Study(
    "alternatives",
    "alternatives",
    AlternativesBody,
    FIND_ALTERNATIVES,
    _alternatives,
    lambda body: body.time_limit_s,
    (
        ("Preparing the placement", 1),
        ("Proving the placement", 8),
        ("Explaining the plan", 1),
        ("Looking for other plans", 8),
    ),
)
COMPARING, DIVERSIFYING = COMPARISON.kind(), ALTERNATIVES.kind()

ENDPOINTS = (
    *COMPARISON.endpoints(
        compare_plan,
        read_comparison,
        (
            "Set a plan beside the ways it could have been made, and price its rules",
            "The comparison of a plan that was asked for last",
        ),
        (ComparisonDocument, "The comparison."),
    ),
    *ALTERNATIVES.endpoints(
        find_alternatives,
        read_alternatives,
        (
            "Find plans nearly as good that differ from a plan as much as possible",
            "The other plans nearly as good that were asked for last",
        ),
        (AlternativesDocument, "The other plans."),
    ),
)
