"""What every output says of itself: how it is marked, which run made it, and how fresh it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from allocator.plan import PatrolPlan
from api.files.output import Writer, json_text, text_writer
from hotspots.assessment import RiskAssessment

SIDECAR = "marking.json"
SCHEMA_VERSION = "1"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Marking:
    """One marking for every form of a week's outputs.

    Attributes
    ----------
    classification, notice
        The government marking, and SYNTHETIC for invented records.
    assessment_id, plan_id
        The runs that made it; no plan is empty.
    policy_version
        The evidence policy in force.
    as_of
        Day before which evidence counted, ISO.
    evidence_until
        Last day of any evidence that counted, ISO, or ``unknown``.
    """

    classification: str
    notice: str
    assessment_id: str
    plan_id: str
    policy_version: str
    as_of: str
    evidence_until: str

    def document(self) -> dict[str, str]:
        """Return the marking as members of a JSON document."""
        return asdict(self)

    def headers(self) -> dict[str, str]:
        """Return the marking as HTTP headers; what is empty is left out."""
        given = {
            "X-Classification": self.classification,
            "X-Notice": self.notice,
            "X-Assessment-Id": self.assessment_id,
            "X-Plan-Id": self.plan_id,
            "X-Policy-Version": self.policy_version,
            "X-As-Of": self.as_of,
            "X-Evidence-Until": self.evidence_until,
        }
        return {name: _header_text(value) for name, value in given.items() if value}

    def metadata(self) -> dict[bytes, bytes]:
        """Return the marking as key-value metadata of a Parquet file."""
        return {f"arv.{name}".encode(): value.encode() for name, value in asdict(self).items()}

    def run_line(self) -> str:
        """Return the runs, policy and freshness as one line for people."""
        runs = [f"assessment {self.assessment_id}"]
        if self.plan_id:
            runs.insert(0, f"plan {self.plan_id}")
        return (
            f"{', '.join(runs)}; evidence policy {self.policy_version}; evidence until "
            f"{self.evidence_until}, as of {self.as_of}"
        )


def marking_of(assessment: RiskAssessment, plan: PatrolPlan | None = None) -> Marking:
    """Return the marking of an assessment's outputs, or of those of a plan made from it."""
    days = [line.last_day for line in assessment.evidence if line.used and line.last_day]
    return Marking(
        classification=assessment.classification,
        notice=assessment.notice,
        assessment_id=assessment.assessment_id,
        plan_id=plan.plan_id if plan is not None else "",
        policy_version=assessment.policy_version,
        as_of=assessment.as_of.isoformat(),
        evidence_until=max(days).isoformat() if days else UNKNOWN,
    )


def sidecar(marking: Marking) -> dict[str, Writer]:
    """Return the file that carries the marking for those beside it that cannot, such as CSV."""
    body = {
        "schema_version": SCHEMA_VERSION,
        "covers": "every file of this folder",
        **marking.document(),
    }
    return {SIDECAR: text_writer(json_text(body))}


def _header_text(text: str) -> str:
    """Return a text as a header may hold it: printable ASCII, the rest as question marks."""
    return "".join(sign if " " <= sign <= "~" else "?" for sign in text)
