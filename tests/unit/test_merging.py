"""One incident seen by several systems: the match rule on invented cases and on the sample."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from hotspots.boundaries.study_area import load_bundled
from hotspots.feeds.reader import read_feed
from hotspots.known import KnownRecords, known_records
from hotspots.merging import match_incidents
from hotspots.places import place_records, policed_places
from tests.unit.small_town import AS_OF, borough, centre, reading, record, town, ward

AT = pd.Timestamp("2025-06-01 12:00", tz="UTC")


def matched(*rows: dict[str, object]) -> dict[str, str]:
    """Return which record each of the others was merged into, by id."""
    known = known_records([reading(rows)], as_of=AS_OF)
    return by_id(known, match_incidents(known.records, located(known)))


def located(known: KnownRecords) -> tuple[np.ndarray, np.ndarray]:
    area = town()
    return place_records(known.records, policed_places(area), area)


def by_id(known: KnownRecords, into: np.ndarray) -> dict[str, str]:
    ids = known.records["record_id"].to_numpy(dtype=str)
    return {str(ids[i]): str(ids[j]) for i, j in enumerate(into) if j >= 0}


def call(number: int, place: int | str, minutes: float = 0.0, **changes: object) -> dict:
    changes = {"occurred_from": AT + pd.Timedelta(minutes=minutes)} | changes
    return record(number, place, **({"source": "daris_320", "category": "call_firearm"} | changes))


def handover(number: int, place: int | str, minutes: float = 0.0, **changes: object) -> dict:
    return call(
        number, place, minutes, source="co19_handover", category="handover_firearm", **changes
    )


def test_a_call_and_a_handover_join_the_recorded_incident() -> None:
    assert matched(record(1, 4), call(2, 4, 20), handover(3, 4, 40)) == {"R2": "R1", "R3": "R1"}
    assert matched(call(2, 4), handover(3, 4, 10)) == {"R2": "R3"}


@pytest.mark.parametrize(
    "other",
    [
        call(2, 4, 60),  # too late
        call(2, 4, -60),  # too early
        call(2, 5),  # a kilometre away
        call(2, ward(5)),  # another ward
        call(2, borough(1)),  # another borough
        call(2, 4, source="recorded_gun_crime", category="firearm_threat"),  # the same system
        call(2, 4, source="crimint", category="intelligence_firearm"),  # not of one event
        call(2, 4, basis="discovered"),
        call(2, 4, information_grade="E"),
        call(2, ward(4), -700, occurred_to=AT + pd.Timedelta(minutes=700)),  # could be any time
        record(2, ward(4), source="reported_shooting", category="firearm_discharged"),
    ],
)
def test_what_does_not_match(other: dict[str, object]) -> None:
    assert matched(record(1, 4), other) == {}


def test_area_codes_match_where_times_are_close() -> None:
    assert matched(record(1, 4), call(2, ward(4), 20)) == {"R2": "R1"}
    assert matched(record(1, 4), call(2, borough(0), 20)) == {"R2": "R1"}
    x, y = centre(4)
    near = record(
        2, 4, source="reported_shooting", category="firearm_discharged", x_m=x + 200, y_m=y
    )
    assert matched(record(1, 4), near) == {"R2": "R1"}


def test_one_record_a_source_and_the_nearest_first() -> None:
    x, y = centre(4)
    far = call(3, 4, 2, x_m=x + 240.0, y_m=y)
    assert matched(record(1, 4), call(2, 4, 20), far) == {"R2": "R1"}
    assert matched(record(1, 4), far, call(2, 4, 20)) == {"R2": "R1"}
    assert matched(record(1, 4), call(4, ward(4)), call(2, 4, 20)) == {"R2": "R1"}


def test_versions_of_one_record_never_merge_and_only_the_standing_one_matches() -> None:
    first = record(1, 4)
    later = record(2, 9, corrects="R1", correction="moved", known_from=AT + pd.Timedelta(days=1))
    assert matched(first, later, call(3, 4)) == {}
    assert matched(first, later, call(3, 9)) == {"R3": "R2"}


@pytest.fixture(scope="module")
def generator(repository: Path) -> Iterator[ModuleType]:
    """Return the sample's generator, imported from its own folder."""
    folder = str(repository / "data" / "sample")
    names = ("generate", "draws", "rows", "calibration")
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.path.insert(0, folder)
    yield importlib.import_module("generate")
    sys.path.remove(folder)
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(before)


def told_twice(generator: ModuleType, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the ids of the sample's records that repeat a gun crime, from its own draws."""
    truth: set[str] = set()
    draw = generator.feed_events

    def watched(rng: object, geography: object, feed: object, crimes: object) -> object:
        events = draw(rng, geography, feed, crimes)
        crime = pd.DataFrame({"x": crimes.x_m, "y": crimes.y_m, "c": crimes.start_min})
        mine = pd.DataFrame({"x": events.x_m, "y": events.y_m, "s": events.start_min})
        mine["id"] = [f"{feed.prefix}-{k + 1:05d}" for k in range(len(mine))]
        both = mine.merge(crime, on=["x", "y"])
        same = (both["s"] - both["c"]).between(0, 150)  # a skipped clock hour moves some
        truth.update(both.loc[same, "id"])
        return events

    monkeypatch.setattr(generator, "feed_events", watched)
    generator.make_feeds(generator.load_geography(generator.WARDS_FILE))
    return truth


def test_precision_and_recall_on_the_sample(
    repository: Path, generator: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = told_twice(generator, monkeypatch)
    assert len(truth) == 1_600
    area = load_bundled()
    feeds = repository / "data" / "sample" / "feeds"
    names = ("reported_shooting", "recorded_gun_crime", "co19_handover", "daris_320", "crimint")
    readings = [read_feed(feeds / f"{name}.csv", area) for name in names]
    known = known_records(readings, as_of=date(2026, 11, 23))
    into = match_incidents(known.records, place_records(known.records, policed_places(area), area))
    found = by_id(known, into)
    standing = set(known.records["record_id"])
    right = truth & standing
    recorded = [one for one in found if one[:2] in ("RS", "GC")]
    assert len(recorded) <= 1  # two real crimes 250 m and 45 minutes apart are one to the rule
    to_crime = {one for one, other in found.items() if other[:2] in ("RS", "GC")} - set(recorded)
    precision = len(to_crime & truth) / len(to_crime)
    recall = len(to_crime & right) / len(right)
    assert precision > 0.98, (precision, recall)
    assert recall > 0.95, (precision, recall)
    assert len(found) - len(to_crime) < 10  # calls and handovers of no recorded crime


@pytest.mark.parametrize(
    ("first", "minutes", "one_incident"),
    [
        ("2025-03-30 00:50", 20, True),  # 00:50 and, the clocks gone forward, 02:10
        ("2025-03-30 00:50", 50, False),
        ("2025-10-26 00:50", 40, True),  # 01:50 and, the clocks gone back, 01:30
        ("2025-10-26 00:20", 60, False),  # 01:20 twice, an hour apart
    ],
)
def test_minutes_apart_are_those_that_passed_when_the_clocks_change(
    first: str, minutes: int, *, one_incident: bool
) -> None:
    at = pd.Timestamp(first, tz="UTC")
    known = known_records(
        [
            reading(
                [
                    record(1, 4, occurred_from=at, occurred_to=at),
                    call(2, 4, occurred_from=at + pd.Timedelta(minutes=minutes)),
                ]
            )
        ],
        as_of=date(2026, 1, 5),
    )
    found = by_id(known, match_incidents(known.records, located(known)))
    assert found == ({"R2": "R1"} if one_incident else {})
