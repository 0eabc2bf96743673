"""The assessment's document: a faithful round trip, and no forgery."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from hotspots.assessment import RiskAssessment, document, from_document
from hotspots.errors import AssessmentRefusedError
from hotspots.pipeline import assess_week
from hotspots.sources import load_default_policy
from tests.unit.small_town import AS_OF, reading, scattered, town


@pytest.fixture(scope="module")
def assessment() -> RiskAssessment:
    feeds = [reading(scattered([9, 2, 3, 1, 0, 4, 2, 5, 3, 1, 0, 2, 1, 3, 0, 2, 1, 2]))]
    return assess_week(feeds, town(), as_of=AS_OF, policy=load_default_policy()).assessment


def through_json(assessment: RiskAssessment) -> Any:
    return json.loads(json.dumps(document(assessment), allow_nan=False))


def test_the_round_trip_keeps_everything(assessment: RiskAssessment) -> None:
    back = from_document(through_json(assessment), assessment.draws)
    assert document(back) == document(assessment)
    assert back.wards == assessment.wards
    assert back.evidence == assessment.evidence
    assert back.as_of == assessment.as_of
    np.testing.assert_array_equal(back.draws, assessment.draws)


def paths(value: object, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [here] if here else []
    if isinstance(value, dict):
        found += [p for key, one in value.items() for p in paths(one, (*here, key))]
    elif isinstance(value, list) and value:
        found += paths(value[0], (*here, 0))
    return found


def test_any_single_change_is_refused(assessment: RiskAssessment) -> None:
    whole = through_json(assessment)
    for path in paths(whole):
        for wrong in (None, "x", -1, float("nan"), [], {"a": 1}, True):
            place = whole
            for step in path[:-1]:
                place = place[step]
            right = place[path[-1]]
            if right == wrong and type(right) is type(wrong):
                continue
            place[path[-1]] = wrong
            with pytest.raises(AssessmentRefusedError, match="Remedy"):
                from_document(whole, assessment.draws)
            place[path[-1]] = right
    assert whole == through_json(assessment)


def test_missing_and_unknown_fields_are_refused(assessment: RiskAssessment) -> None:
    whole = through_json(assessment)
    for name in whole:
        with pytest.raises(AssessmentRefusedError):
            from_document({k: v for k, v in whole.items() if k != name}, assessment.draws)
    with pytest.raises(AssessmentRefusedError, match="extra"):
        from_document(whole | {"extra": 1}, assessment.draws)
    for other in (None, [], "text", 3):
        with pytest.raises(AssessmentRefusedError):
            from_document(other, assessment.draws)


def test_the_draws_of_another_assessment_are_refused(assessment: RiskAssessment) -> None:
    other = assessment.draws.copy()
    other[0, 0] += 1
    for draws in (other, assessment.draws[:-1], assessment.draws[:, ::-1]):
        with pytest.raises(AssessmentRefusedError, match="draws"):
            from_document(through_json(assessment), draws)
