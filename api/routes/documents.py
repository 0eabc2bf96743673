"""What the interface says of its answers: the shapes, and the problems they may be instead."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.negotiation import GEOJSON, HTML, JSON, PDF
from api.problems import MEDIA_TYPE


class Document(BaseModel):
    """An answer; only described here, the bytes are those that were stored."""

    model_config = ConfigDict(strict=True, extra="forbid")


class RunnerUpDocument(Document):
    """The best other area found for a unit, and what it would cost."""

    boroughs: list[str]
    objective_loss: float


class UnitDocument(Document):
    """One unit's default patrol area for the week."""

    unit_id: str
    provenance: str
    boroughs: list[str] = Field(description="Codes of a connected primary area, sorted.")
    support: list[str] = Field(description="Boroughs it deliberately covers beside its own.")
    wards: list[str]
    marginal_coverage: float = Field(description="Objective lost if it leaves.")
    reason: str
    runner_up: RunnerUpDocument | None


class BoroughDocument(Document):
    """The expected share of one borough's demand reached within the standard."""

    code: str
    name: str
    unit_id: str
    coverage: float = Field(ge=0, le=1)


class PlanDocument(Document):
    """A week's plan with the proof of how good it is."""

    schema_version: str
    plan_id: str
    week: str
    status: Literal["optimal", "feasible", "infeasible", "timed_out"]
    objective: float = Field(ge=0, le=1, description="Expected share of demand reached in time.")
    bound: float = Field(description="No plan under the same rules can exceed it.")
    gap: float = Field(description="(bound - objective) / objective.")
    units: list[UnitDocument]
    boroughs: list[BoroughDocument]
    settings: dict[str, Any]
    assessment_id: str
    inputs_sha256: str


class MadeDocument(Document):
    """What an assessment came to."""

    assessment_id: str
    as_of: str
    classification: str
    notice: str
    wards: int
    rejected_rows: int
    warnings: list[str]
    data_gaps: list[str]


class ProblemDocument(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = Field(description="What is wrong and the remedy, in one line.")
    request_id: str = Field(description="Quote this when you report a defect.")
    file: str | None = None
    row: int | None = None
    column: str | None = None
    remedy: str | None = None
    errors: list[dict[str, Any]] | None = None


def problem(description: str) -> dict[str, Any]:
    """Return the description of an answer that is a problem."""
    return {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
    }


#: What every guarded endpoint may answer.
COMMON: dict[int | str, dict[str, Any]] = {
    401: problem("No token, or a wrong one."),
    403: problem("The rules do not allow this."),
    422: problem("Refused: the input, with the words of the command line."),
    429: problem("Too many requests, or wrong tokens, in a minute; see Retry-After."),
    500: problem("A defect of the service."),
    503: problem("Starting, busy, or the store cannot be used; see Retry-After."),
}

#: What a request that long work came of may answer instead of its result.
ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {
        "description": "Accepted as a job: `Location` has its address. Asked for with "
        "`Prefer: respond-async`.",
        "content": {"application/json": {}},
    },
    429: problem("Too many jobs are waiting."),
}

NO_PLAN = problem("The week has no plan, or not this part of it.")
PLAN_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "model": PlanDocument,
        "description": "The plan.",
        "content": {HTML: {}, GEOJSON: {}, PDF: {}},
    },
    404: problem("The week has no plan."),
    406: problem("None of the accepted forms can be given."),
    409: problem("There is no assessment to plan from."),
    503: problem("Too many solves are waiting; see Retry-After."),
}

ASSESSMENT_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The assessment; its fields are in the data dictionary.",
        "content": {JSON: {"schema": {"type": "object"}}, HTML: {}},
    },
    404: problem("There is no such assessment."),
}

MADE_RESPONSES: dict[int | str, dict[str, Any]] = {
    201: {"model": MadeDocument, "description": "The assessment was made and is current."},
    413: problem("The upload is too large."),
    503: problem("Too many solves are waiting; see Retry-After."),
}
