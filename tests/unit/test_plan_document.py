"""plan.json: exact keys, stable bytes, and nothing malformed gets in."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from allocator.errors import PlanDocumentRefusedError
from allocator.plan import Fleet, PatrolPlan, Unit, document, from_document, sealed
from allocator.weekly_plan import plan_week
from tests.oracle.plan_worlds import FREE, make_world

KEYS = [
    "schema_version", "plan_id", "week", "status", "objective", "bound", "gap", "units",
    "boroughs", "settings", "assessment_id", "inputs_sha256",
]  # fmt: skip
UNIT_KEYS = [
    "unit_id", "provenance", "boroughs", "support", "wards", "marginal_coverage", "reason",
    "runner_up",
]  # fmt: skip


@pytest.fixture(scope="module")
def plan() -> PatrolPlan:
    fleet = Fleet((Unit("A", "X"), Unit("B", "Y")), 540, 60, "made-up")
    return plan_week(make_world(3), fleet, settings=FREE)


def test_keys_are_those_of_the_interface(plan: PatrolPlan) -> None:
    body = document(plan)
    assert list(body) == KEYS
    assert [list(unit) for unit in body["units"]] == [UNIT_KEYS] * 2
    assert [list(b) for b in body["boroughs"]] == [["code", "name", "unit_id", "coverage"]] * 6
    runner_ups = [unit["runner_up"] for unit in body["units"] if unit["runner_up"]]
    assert runner_ups and list(runner_ups[0]) == ["boroughs", "objective_loss"]


def test_it_survives_the_journey_through_json(plan: PatrolPlan) -> None:
    text = json.dumps(document(plan))
    assert from_document(json.loads(text)) == plan
    assert json.dumps(document(from_document(json.loads(text)))) == text


def test_the_identifier_follows_the_content(plan: PatrolPlan) -> None:
    assert sealed(plan).plan_id == plan.plan_id
    assert plan.plan_id.startswith(plan.week)
    other = document(plan)
    other["objective"] = plan.objective / 2
    assert sealed(from_document(other)).plan_id != plan.plan_id


def _broken() -> list[tuple[str, Any, str]]:
    return [
        ("schema_version", "2", "schema_version '2'"),
        ("status", "ok", "'ok'"),
        ("objective", "0.5", "objective"),
        ("objective", True, "objective"),
        ("gap", float("nan"), "finite"),
        ("bound", float("inf"), "finite"),
        ("units", {"unit_id": "A"}, "units"),
        ("units", [3], "a unit of the plan"),
        ("units", [{"unit_id": "A"}], "lacks"),
        ("boroughs", None, "boroughs"),
        ("settings", [], "settings"),
        ("week", 48, "week"),
        ("surprise", 1, "unknown keys surprise"),
    ]


@pytest.mark.parametrize(("key", "value", "words"), _broken())
def test_malformed_documents_are_refused(
    plan: PatrolPlan, key: str, value: object, words: str
) -> None:
    body = copy.deepcopy(document(plan))
    body[key] = value
    with pytest.raises(PlanDocumentRefusedError, match=words):
        from_document(body)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_needed(plan: PatrolPlan, key: str) -> None:
    body = document(plan)
    del body[key]
    with pytest.raises(PlanDocumentRefusedError, match=key):
        from_document(body)


def test_deep_values_are_checked_too(plan: PatrolPlan) -> None:
    for change in (
        lambda unit: unit.update(boroughs=[1]),
        lambda unit: unit.update(runner_up={"boroughs": []}),
        lambda unit: unit.update(marginal_coverage=None),
        lambda unit: unit.update(extra=1),
    ):
        body = copy.deepcopy(document(plan))
        change(body["units"][0])
        with pytest.raises(PlanDocumentRefusedError):
            from_document(body)
    with pytest.raises(PlanDocumentRefusedError, match="not an object"):
        from_document([])  # type: ignore[arg-type] # what a hand-made file may hold
