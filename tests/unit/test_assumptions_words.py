"""Days on duty, events and robustness in the words of the meeting."""

from __future__ import annotations

from datetime import date

from allocator.event_calendar import Event, recorded
from api.assumptions import assumptions


def test_the_days_events_and_draws_are_said_in_words() -> None:
    day = date(2026, 11, 28)
    events = [
        Event("Match", day, day, wards=("E05013516",), extra_calls=0.05, units=("ARV-03",)),
        Event("Fair", day, date(2026, 11, 29), ("E09000005",), extra_share=1.5, n_units=2),
    ]
    settings: dict[str, object] = {
        "events": recorded(events),
        "on_duty": {"ARV-01": [0, 6]},
        "robustness": {
            "n_draws": 4000, "mean": 0.656, "worst_tenth": 0.653, "worst_tenth_bound": None,
        },
    }  # fmt: skip
    said = {line.name: line.value for line in assumptions(settings, {})}
    assert said == {
        "Events": "Match (28 November 2026, 0.05 more incidents a day assumed, takes ARV-03); "
        "Fair (28 November 2026 to 29 November 2026, 150% more demand there "
        "assumed, takes 2 units)",
        "On duty only on some days": "ARV-01 Monday, Sunday",
        "Coverage if demand differs": "65.6% on average over 4,000 draws of demand, 65.3% in the "
        "worst tenth",
    }
    bounded = {"robustness": {**settings["robustness"], "worst_tenth_bound": 0.654}}  # type: ignore[dict-item] # a mapping
    assert "(at most 65.4% possible)" in assumptions(bounded, {})[0].value
