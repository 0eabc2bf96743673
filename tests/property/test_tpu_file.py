"""Whatever a request file or a roster file holds, it is read or refused in one line."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocator.tpu.request import TpuRefusedError, TpuRequest
from allocator.tpu.roster import TpuRoster, from_document
from api.files.tpu_file import read_requests, requests_from_table

FIRST = date(2026, 11, 23)
GOLDEN = Path(__file__).resolve().parents[1] / "unit" / "tpu_roster.golden.json"
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.sampled_from(
        ["E09000012", "TPU-A", "borough", "verano", "tactic_1", "2026-11-23", "14:00"]
    )
    | st.text(max_size=8)
)
KEYS = st.sampled_from(
    (
        *("team_id", "sergeants", "constables", "shift_start", "date", "borough", "boroughs"),
        *("issue", "requested_by", "tactic", "inspectors", "reason", "tasking", "actor"),
        *("rest_hours", "target"),
    )
)
TABLES = st.dictionaries(KEYS, SCALARS | st.lists(SCALARS, max_size=3), max_size=6)
FILES = st.dictionaries(
    st.sampled_from(
        ["label", "establishment", "rules", "teams", "tactics", "requests", "absences", "overrides"]
    ),
    SCALARS | TABLES | st.lists(TABLES, max_size=3),
    max_size=6,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(body=FILES)
def test_any_table_is_read_or_refused(body: dict[str, Any]) -> None:
    try:
        request = requests_from_table(body, first_day=FIRST, n_days=7)
    except TpuRefusedError as refusal:
        assert "\n" not in str(refusal)
        assert "Remedy: " in str(refusal)
    else:
        assert isinstance(request, TpuRequest)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_change_of_a_roster_is_read_or_refused(data: st.DataObject) -> None:
    body = json.loads(GOLDEN.read_text(encoding="utf-8"))
    where: Any = body
    while True:
        keys = sorted(where) if isinstance(where, dict) else range(len(where))
        key = data.draw(st.sampled_from(list(keys)))
        inside = where[key]
        if not (isinstance(inside, dict | list) and inside) or data.draw(st.booleans()):
            break
        where = inside
    where[key] = data.draw(SCALARS | st.lists(SCALARS, max_size=2))
    try:
        roster = from_document(body)
    except TpuRefusedError as refusal:
        assert "Remedy: " in str(refusal)
    else:
        assert isinstance(roster, TpuRoster)


def test_the_example_file_is_a_request(repository: Path) -> None:
    request = read_requests(repository / "examples" / "tpu.toml", first_day=FIRST, n_days=7)
    assert [team.team_id for team in request.teams] == ["TPU-A", "TPU-B"]
    assert request.floating_sergeants == 1
    assert request.requests[0].proposed_tactic == "tactic_2"
    with pytest.raises(TpuRefusedError, match="cannot be read"):
        read_requests(repository / "examples", first_day=FIRST, n_days=7)
