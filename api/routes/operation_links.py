"""How the answer of one operation leads to the next: the links of the interface (OpenAPI 3.1).

A link says which part of an answer is which parameter of another operation, so that a program,
or a test that walks the interface, need not guess: the ``ETag`` of a draft is the ``If-Match`` of
its proposal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Operation = tuple[str, str]

KEY, JOB, WEEK = "$response.body#/key", "$response.body#/job_id", "$response.body#/week"
VERSION = {"header.If-Match": "$response.header.ETag"}
STEP = {"path.key": KEY, **VERSION}
#: The first plan of a list, at the version the list has it.
FIRST_PLAN = {
    "path.key": "$response.body#/plans/0/key",
    "header.If-Match": '"{$response.body#/plans/0/version}"',
}


@dataclass(frozen=True)
class Link:
    """One way on from an answer.

    Attributes
    ----------
    source, status
        The operation, as method and path, and the status of its answer.
    name
        Name of the link, unique in the answer.
    target
        The operation it leads to.
    parameters, body
        What that operation takes from the answer, as runtime expressions.
    """

    source: Operation
    status: str
    name: str
    target: Operation
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None

    def document(self, target_id: str) -> dict[str, Any]:
        """Return the link as OpenAPI writes it, to an operation of this identifier."""
        written: dict[str, Any] = {"operationId": target_id, "parameters": dict(self.parameters)}
        if self.body is not None:
            written["requestBody"] = dict(self.body)
        return written


def _step(source: str, name: str, reason: str = "") -> Link:
    """Return the link from an answer about a plan to a step of its life."""
    path = "/plans" if source == "draft" else f"/plans/{{key}}/{source}"
    status = "201" if source == "draft" else "200"
    target = ("POST", f"/plans/{{key}}/{name}")
    return Link(("POST", path), status, name, target, STEP, {"reason": reason} if reason else None)


_LIFE = (
    _step("draft", "propose", "For the meeting of the week."),
    _step("draft", "equality"),
    _step("equality", "propose", "For the meeting of the week."),
    _step("propose", "approve", "Agreed at the meeting."),
    _step("propose", "reject", "The north is too thin."),
    _step("approve", "publish", "In force from Monday."),
    _step("approve", "withdraw", "Overtaken by events."),
    _step("publish", "withdraw", "Overtaken by events."),
)
_PLANS = (
    Link(("POST", "/allocate"), "200", "plan", ("GET", "/allocate"), {"query.week": WEEK}),
    Link(
        ("POST", "/allocate"), "200", "records", ("GET", "/plans"), {"query.week": WEEK}
    ),
    Link(("GET", "/allocate"), "200", "records", ("GET", "/plans"), {"query.week": WEEK}),
    Link(("GET", "/allocate"), "200", "draft", ("POST", "/plans"), body={"week": WEEK}),
    Link(("GET", "/plans"), "200", "draft", ("POST", "/plans"), body={"week": WEEK}),
    Link(("GET", "/plans"), "200", "propose", ("POST", "/plans/{key}/propose"), FIRST_PLAN),
    Link(
        ("GET", "/plans"), "200", "plan", ("GET", "/plans/{key}"),
        {"path.key": FIRST_PLAN["path.key"]},
    ),
    Link(("GET", "/plans/{key}"), "200", "propose", ("POST", "/plans/{key}/propose"), STEP),
    Link(
        ("GET", "/plans"), "200", "areas", ("GET", "/plans/{key}/patrol-areas.csv"),
        {"path.key": FIRST_PLAN["path.key"]},
    ),
)  # fmt: skip
_EVIDENCE = tuple(
    Link(source, status, name, ("GET", path), {"path.receipt_id": f"$response.body#/{pointer}"})
    for source, status, pointer in (
        (("POST", "/feeds"), "200", "receipt_id"),
        (("POST", "/feeds"), "201", "receipt_id"),
        (("GET", "/feeds"), "200", "receipts/0/receipt_id"),
        (("GET", "/feeds/{receipt_id}"), "200", "receipt_id"),
    )
    for name, path in (
        ("receipt", "/feeds/{receipt_id}"), ("rejected", "/feeds/{receipt_id}/rejected"),
    )
)  # fmt: skip
#: Weeks enough to see how a study answers; whoever follows the link may ask for more.
_STUDIES = tuple(
    Link(
        ("POST", "/plans"), "201", name, ("POST", f"/plans/{{key}}/{name}"), {"path.key": KEY}, body
    )
    for name, body in (
        ("simulate", {"weeks": 40, "seed": 1}),
        ("compare", {"fleet_id": "example"}),
        ("replan", {"fleet_id": "example", "reason": "A vehicle is off the road."}),
    )
)
ROSTER = {"path.roster_id": "$response.body#/roster_id"}
_FIRST_TASKING = {"tasking_id": "$response.body#/taskings/0/tasking_id",
                  "version": "$response.body#/taskings/0/version"}  # fmt: skip
_TASKINGS = (
    Link(("POST", "/tpu"), "201", "roster", ("GET", "/tpu/{roster_id}"), ROSTER),
    Link(("POST", "/tpu"), "201", "propose", ("POST", "/tpu/{roster_id}/propose"), ROSTER),
    Link(
        ("POST", "/tpu/{roster_id}/propose"), "200", "authorise",
        ("POST", "/tpu/{roster_id}/authorise"), ROSTER,
        {"reference": "FA1/2026/17", "taskings": [_FIRST_TASKING]},
    ),
)  # fmt: skip
_ASSESSMENTS = (
    Link(
        ("POST", "/assessment"), "201", "assessment", ("GET", "/assessment"),
        {"query.id": "$response.body#/assessment_id"},
    ),
    Link(
        ("GET", "/incidents"), "200", "borough", ("GET", "/boroughs/{code}"),
        {"path.code": "$response.body#/incidents/0/borough_code"},
    ),
)  # fmt: skip
_JOB_STEPS = (
    ("job", ("GET", "/jobs/{job_id}")),
    ("results", ("GET", "/jobs/{job_id}/results")),
    ("events", ("GET", "/jobs/{job_id}/events")),
    ("stop", ("DELETE", "/jobs/{job_id}")),
)


def _to_job(source: Operation, status: str, pointer: str) -> tuple[Link, ...]:
    taken = {"path.job_id": pointer}
    return tuple(Link(source, status, name, target, taken) for name, target in _JOB_STEPS)


def _features(collection: str) -> Link:
    here = f"/ogc/collections/{collection}/items"
    taken = {"path.feature_id": "$response.body#/features/0/id"}
    return Link(("GET", here), "200", "feature", ("GET", f"{here}/{{feature_id}}"), taken)


LINKS: tuple[Link, ...] = (
    *_LIFE,
    *_PLANS,
    *_EVIDENCE,
    *_STUDIES,
    *_TASKINGS,
    *_ASSESSMENTS,
    *_to_job(("GET", "/jobs"), "200", "$response.body#/jobs/0/job_id"),
    *_to_job(("GET", "/jobs/{job_id}"), "200", JOB),
    *map(_features, ("wards", "boroughs", "hot-spots", "patrol-areas", "incidents")),
)


def add_links(paths: Mapping[str, Any]) -> None:
    """Write the links into the paths of an OpenAPI document.

    Every answer of 202 that accepts work leads to its job.

    Parameters
    ----------
    paths
        ``paths`` of the document, altered in place; each operation has its ``operationId``.

    Raises
    ------
    KeyError
        When a link starts or ends at an operation or an answer that the document has not.
    """
    accepting = [
        link
        for path, methods in paths.items()
        for method, operation in methods.items()
        if "202" in operation["responses"] and method == "post"
        for link in _to_job((method.upper(), path), "202", JOB)
    ]
    for link in (*LINKS, *accepting):
        answer = _operation(paths, link.source)["responses"][link.status]
        target = _operation(paths, link.target)
        answer.setdefault("links", {})[link.name] = link.document(target["operationId"])


def _operation(paths: Mapping[str, Any], one: Operation) -> dict[str, Any]:
    method, path = one
    found: dict[str, Any] = paths[path][method.lower()]
    return found
