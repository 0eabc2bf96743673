"""The patrol plan and the fleet it places: frozen values with a stable JSON form."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

from allocator.errors import PlanDocumentRefusedError

SCHEMA_VERSION = "1"
DECIMALS = 9  # of every figure in a plan: the same input gives the same bytes

PlanStatus = Literal["optimal", "feasible", "infeasible", "timed_out"]


@dataclass(frozen=True)
class Unit:
    """One armed response vehicle. No eligible boroughs means it may patrol anywhere.

    ``on_duty`` is the tuple of weekdays (0 = Monday) on which the unit is on the road.
    """

    unit_id: str
    provenance: str
    eligible_boroughs: tuple[str, ...] = ()
    on_duty: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)


@dataclass(frozen=True)
class Fleet:
    """The vehicles of the week and labelled assumptions: response in seconds, and the work.

    With ``calls_per_week`` busy fractions are worked out from the plan instead of assumed;
    ``service_time_s`` is the mean time from arrival until a unit is free again.
    """

    units: tuple[Unit, ...]
    service_standard_s: int
    turnout_s: int
    label: str = ""
    calls_per_week: float | None = None
    service_time_s: float | None = None


@dataclass(frozen=True)
class RunnerUp:
    """The best other area found for a unit and the objective it would cost."""

    boroughs: tuple[str, ...]
    objective_loss: float


@dataclass(frozen=True)
class UnitPlacement:
    """A unit's default patrol area for the week."""

    unit_id: str
    provenance: str
    boroughs: tuple[str, ...]
    support: tuple[str, ...]
    wards: tuple[str, ...]
    marginal_coverage: float
    reason: str
    runner_up: RunnerUp | None


@dataclass(frozen=True)
class BoroughCoverage:
    """The expected share of one borough's demand reached within the standard."""

    code: str
    name: str
    unit_id: str
    coverage: float


@dataclass(frozen=True)
class PatrolPlan:
    """A week's default patrol areas with the proof of how good they are.

    ``objective`` is the expected share of demand reached within the service standard;
    ``bound`` is the solver's proven upper limit of it; ``gap`` is
    ``(bound - objective) / objective``.
    """

    plan_id: str
    week: str  # ISO week, for example 2026-W48
    status: PlanStatus
    objective: float
    bound: float
    gap: float
    units: tuple[UnitPlacement, ...]
    boroughs: tuple[BoroughCoverage, ...]
    settings: dict[str, object] = field(default_factory=dict)
    assessment_id: str = ""
    inputs_sha256: str = ""


def document(plan: PatrolPlan) -> dict[str, Any]:
    """Turn a plan into plain JSON types with the keys of ``plan.json``, in a fixed order.

    Figures are rounded to nine decimals, so equal inputs give equal bytes. Nothing in it
    tells the time, a path or a host.
    """
    body: dict[str, Any] = {"schema_version": SCHEMA_VERSION}
    body.update(_rounded(asdict(plan)))
    return body


def sealed(plan: PatrolPlan) -> PatrolPlan:
    """Return the plan with its figures rounded and its identifier set from its content."""
    blank = from_document(document(replace(plan, plan_id="")))
    text = json.dumps(document(blank), sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return replace(blank, plan_id=f"{plan.week}-{digest[:16]}")


def from_document(body: dict[str, Any]) -> PatrolPlan:
    """Read a plan back from the plain JSON types of :func:`document`.

    Raises
    ------
    PlanDocumentRefusedError
        A key is missing or unknown, a value has the wrong type, or the schema is another.
    """
    if not isinstance(body, dict):
        raise _refusal("the plan", f"is {type(body).__name__}, not an object")
    version = body.get("schema_version")
    if version != SCHEMA_VERSION:
        raise PlanDocumentRefusedError(
            f"the plan has schema_version {version!r}, this program reads {SCHEMA_VERSION!r}",
            remedy="make the plan again with `arv allocate`",
        )
    rest = {key: value for key, value in body.items() if key != "schema_version"}
    _check_keys(PatrolPlan, rest, "the plan")
    status = rest["status"]
    if status not in get_args(PlanStatus):
        raise _refusal("status", f"is {status!r}, not one of {', '.join(get_args(PlanStatus))}")
    settings = rest["settings"]
    if not isinstance(settings, dict):
        raise _refusal("settings", f"is {type(settings).__name__}, not an object")
    return PatrolPlan(
        plan_id=_text(rest, "plan_id"),
        week=_text(rest, "week"),
        status=status,
        objective=_number(rest, "objective"),
        bound=_number(rest, "bound"),
        gap=_number(rest, "gap"),
        units=tuple(_placement(unit) for unit in _list(rest, "units")),
        boroughs=tuple(_borough(borough) for borough in _list(rest, "boroughs")),
        settings=settings,
        assessment_id=_text(rest, "assessment_id"),
        inputs_sha256=_text(rest, "inputs_sha256"),
    )


def _placement(body: Any) -> UnitPlacement:
    _check_keys(UnitPlacement, body, "a unit of the plan")
    runner_up = body["runner_up"]
    if runner_up is not None:
        _check_keys(RunnerUp, runner_up, "a runner_up of the plan")
        runner_up = RunnerUp(_codes(runner_up, "boroughs"), _number(runner_up, "objective_loss"))
    return UnitPlacement(
        unit_id=_text(body, "unit_id"),
        provenance=_text(body, "provenance"),
        boroughs=_codes(body, "boroughs"),
        support=_codes(body, "support"),
        wards=_codes(body, "wards"),
        marginal_coverage=_number(body, "marginal_coverage"),
        reason=_text(body, "reason"),
        runner_up=runner_up,
    )


def _borough(body: Any) -> BoroughCoverage:
    _check_keys(BoroughCoverage, body, "a borough of the plan")
    return BoroughCoverage(
        code=_text(body, "code"),
        name=_text(body, "name"),
        unit_id=_text(body, "unit_id"),
        coverage=_number(body, "coverage"),
    )


def _check_keys(kind: type[Any], body: Any, what: str) -> None:
    if not isinstance(body, dict):
        raise _refusal(what, f"is {type(body).__name__}, not an object")
    expected = {entry.name for entry in fields(kind)}
    missing, unknown = sorted(expected - body.keys()), sorted(body.keys() - expected)
    if missing:
        raise _refusal(what, f"lacks {', '.join(missing)}")
    if unknown:
        raise _refusal(what, f"has unknown keys {', '.join(unknown)}")


def _text(body: dict[str, Any], key: str) -> str:
    value = body[key]
    if not isinstance(value, str):
        raise _refusal(key, f"is {value!r}, not text")
    return value


def _number(body: dict[str, Any], key: str) -> float:
    value = body[key]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _refusal(key, f"is {value!r}, not a number")
    try:
        number = float(value)
    except OverflowError:  # an integer of hundreds of digits
        number = math.inf
    if not math.isfinite(number):
        raise _refusal(key, f"is {number!r}, not a finite number")
    return number


def _list(body: dict[str, Any], key: str) -> list[Any]:
    value = body[key]
    if not isinstance(value, (list, tuple)):
        raise _refusal(key, f"is {type(value).__name__}, not a list")
    return list(value)


def _codes(body: dict[str, Any], key: str) -> tuple[str, ...]:
    values = _list(body, key)
    for value in values:
        if not isinstance(value, str):
            raise _refusal(key, f"holds {value!r}, which is not a code")
    return tuple(values)


def _refusal(what: str, problem: str) -> PlanDocumentRefusedError:
    return PlanDocumentRefusedError(
        f"{what} {problem}", remedy="use a plan.json written by `arv allocate`, unaltered"
    )


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0  # no negative zero
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(entry) for entry in value]
    return value
