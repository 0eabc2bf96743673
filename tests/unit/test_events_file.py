"""Events files: what is read, and refusals that name the event, the value and the remedy."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from allocator.event_calendar import Event, EventRefusedError
from api.files.events_file import read_events
from api.routes.bodies import PlacementBody
from hotspots.boundaries.study_area import load_bundled

GOOD = """[[events]]
name = "Match"
date = "2026-11-28"
wards = ["E05013516"]
extra_calls = 0.5
"""


def read(tmp_path: Path, text: str) -> tuple[Event, ...]:
    path = tmp_path / "events.toml"
    path.write_text(text, encoding="utf-8")
    return read_events(path)


def test_the_example_names_real_places(repository: Path) -> None:
    events = read_events(repository / "examples" / "events.toml")
    area = load_bundled()
    boroughs = set(area.boroughs["borough_code"])
    wards = dict(zip(area.wards["ward_code"], area.wards["ward_name"], strict=True))
    assert events[0].name == "Notting Hill Carnival"
    assert all(set(event.boroughs) <= boroughs for event in events)
    assert [wards[code] for event in events for code in event.wards] == ["Wembley Park"]
    text = (repository / "examples" / "events.toml").read_text("utf-8")
    assert "INVENTED" in text


def test_days_are_read_as_text_and_as_toml_days(tmp_path: Path) -> None:
    day = date(2026, 11, 28)
    forms = ('date = "2026-11-28"', 'date = "28/11/2026"', "date = 2026-11-28",
             'from = 2026-11-28\nto = "2026-11-28"')  # fmt: skip
    for form in forms:
        event = read(tmp_path, GOOD.replace('date = "2026-11-28"', form))[0]
        assert (event.first_day, event.last_day) == (day, day)
        assert event == Event("Match", day, day, (), ("E05013516",), 0.0, 0.5)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[[events]]", "[[event]]", "unknown key 'event'"),
        ('name = "Match"\n', "", "event 1: name is missing"),
        ("wards", "words", "event 1 ('Match'): unknown key 'words'"),
        ('date = "2026-11-28"', "", "gives no day"),
        ('date = "2026-11-28"', 'date = "2026-11-28"\nto = "2026-11-28"', "both date and from"),
        ('date = "2026-11-28"', 'from = "2026-11-28"', "to is missing"),
        ("2026-11-28", "2026-11-31", "'2026-11-31' is not a day"),
        ('"2026-11-28"', "20261128", "date is 20261128"),
        ("0.5", "-0.5", "extra_calls -0.5"),
        ("0.5", "nan", "extra_calls nan"),
        ("0.5", '"many"', "extra_calls is 'many'"),
        ("0.5", "1" * 400, "hundreds of digits"),
        ("extra_calls = 0.5", "units_committed = true", "units_committed"),
        ("extra_calls = 0.5", "", "places without extra demand"),
        ("extra_calls = 0.5", "units_committed = -1\nextra_share=1.0", "takes -1 units"),
        ("0.5", "0.5\n=", "not valid TOML"),
    ],
)
def test_refusals_name_the_event_the_value_and_the_remedy(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    with pytest.raises(EventRefusedError) as refusal:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert words in str(refusal.value)
    assert "Remedy: " in str(refusal.value) and "\n" not in str(refusal.value)
    assert str(refusal.value).startswith("events.toml")


def test_a_request_gives_events_in_the_same_words() -> None:
    match = {"name": "Match", "from": "2026-11-28", "to": "2026-11-29", "units_committed": 2}
    body = PlacementBody.model_validate({"events": [match]})
    assert body.calendar() == (Event("Match", date(2026, 11, 28), date(2026, 11, 29), n_units=2),)
    wrong = PlacementBody.model_validate({"events": [{"name": "Match"}]})
    with pytest.raises(EventRefusedError, match=r"events, event 1 \('Match'\): gives no day"):
        wrong.calendar()
