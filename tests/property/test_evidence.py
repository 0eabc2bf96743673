"""Evidence through the public door: uncertain times, and replay as known on a day."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hotspots.pipeline import AssessedWeek, assess_week
from hotspots.sources import load_default_policy
from hotspots.timeline import covered_decay, spread_decay
from tests.unit.small_town import AS_OF, borough, reading, record, scattered, town

NUMBERS = [20, 2, 3, 1, 0, 4, 2, 5, 3, 1, 0, 2, 1, 3, 0, 2, 1, 2]
TOWN = town()
REPLAYED = date(2025, 7, 1)
SLOW = settings(
    max_examples=12,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def replay(rows: list[dict[str, object]]) -> AssessedWeek:
    return assess_week([reading(rows)], TOWN, as_of=REPLAYED, policy=load_default_policy())


@pytest.fixture(scope="module")
def on_the_day() -> AssessedWeek:
    return replay(scattered(NUMBERS))


KINDS = st.sampled_from(
    [
        ("recorded_gun_crime", "firearm_discharged"),
        ("reported_shooting", "firearm_discharged_fatal"),
        ("crimint", "intelligence_firearm"),
        ("daris_320", "call_firearm"),
        ("co19_handover", "handover_firearm"),
    ]
)
LATER = st.tuples(
    KINDS,
    st.one_of(st.integers(0, 17), st.sampled_from([borough(0), borough(1)])),
    st.integers(-400, 300),  # when it happened, in days from the replayed day
    st.integers(0, 200),  # when it became known, likewise
    st.sampled_from([None, "withdrawn", "reclassified", "moved"]),
    st.integers(0, sum(NUMBERS) - 1),
    st.sampled_from([None, "C", "P"]),
)


@given(st.lists(LATER, min_size=1, max_size=25))
@SLOW
def test_what_became_known_later_changes_nothing_of_an_earlier_day(
    on_the_day: AssessedWeek, later: list[tuple]
) -> None:
    midnight = pd.Timestamp("2025-07-01", tz="Europe/London").tz_convert("UTC")
    added = []
    for number, (kind, place, happened, learnt, correction, target, code) in enumerate(later):
        known = midnight + pd.Timedelta(days=max(learnt, happened))
        links = {"corrects": f"R{target}", "correction": correction} if correction else {}
        changes = {
            "source": kind[0],
            "category": kind[1],
            "occurred_from": midnight + pd.Timedelta(days=happened),
            "known_from": known,
            "handling_code": code,
        }
        added.append(record(50_000 + number, place, **(changes | links)))
    week = replay([*scattered(NUMBERS), *added])
    assert week.assessment.wards == on_the_day.assessment.wards
    assert week.assessment.boroughs == on_the_day.assessment.boroughs
    assert week.assessment.draws.tobytes() == on_the_day.assessment.draws.tobytes()
    assert week.assessment.evidence == on_the_day.assessment.evidence
    assert week.assessment.handling_code == ""
    pd.testing.assert_frame_equal(week.cells, on_the_day.cells)


@given(st.floats(0, 3000), st.floats(0, 800), st.floats(1, 4000))
def test_aoristic_decay_is_the_mean_over_the_range(
    newest: float, width: float, half_life: float
) -> None:
    fast = spread_decay(np.array([newest + width]), np.array([newest]), np.array([half_life]))
    ages = newest + (np.arange(20_000) + 0.5) / 20_000 * width
    assert fast[0] == pytest.approx(np.exp2(-ages / half_life).mean(), rel=1e-4, abs=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_a_range_covered_in_part_keeps_that_part(seed: int) -> None:
    random = np.random.default_rng(seed)
    n_days, n_areas, n = 40, 3, 30
    cover = random.random((n_days, n_areas)) < 0.6
    per_day = random.random(n_days)
    start = random.uniform(0, n_days - 1, n)
    end = np.minimum(start + random.choice([0.0, 0.3, 5.0, 30.0], n), n_days - 1e-6)
    area = random.integers(0, n_areas, n)
    fast = covered_decay(np.column_stack([start, end]), area, cover, per_day)
    for i in range(n):
        at = start[i] + (np.arange(4000) + 0.5) / 4000 * (end[i] - start[i])
        day = at.astype(int)
        slow = (cover[day, area[i]] * per_day[day]).mean()
        assert fast[i] == pytest.approx(slow, abs=2e-3)


def test_an_uncertain_time_weighs_between_its_ends() -> None:
    def score(**changes: object) -> float:
        rows = scattered(NUMBERS) + [record(900 + k, 7, **changes) for k in range(30)]
        week = assess_week([reading(rows)], TOWN, as_of=AS_OF, policy=load_default_policy())
        return week.assessment.wards[7].expected_per_week

    old, new = pd.Timestamp("2024-01-02", tz="UTC"), pd.Timestamp("2025-12-30", tz="UTC")
    earliest, latest = score(occurred_from=old), score(occurred_from=new)
    spread = score(occurred_from=old, occurred_to=new)
    assert earliest < spread < latest
    assert spread == pytest.approx((earliest + latest) / 2, rel=0.05)
