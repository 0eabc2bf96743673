"""A key of TOML with very many parts is refused at once, in every file that is sent as TOML."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from allocator.errors import PlanningRefusedError
from api.files.events_file import read_events
from api.files.fleet_file import read_fleet
from api.files.tpu_file import table_of_text


@pytest.mark.parametrize(
    "read",
    [read_fleet, read_events, lambda path: table_of_text(path.read_text(), path.name)],
    ids=["fleet", "events", "tpu"],
)
@pytest.mark.parametrize("form", ["[{}]\n", "{} = 1\n", "a = {{{} = 1}}\n"])
def test_a_key_of_very_many_parts_is_refused_at_once(
    read: Callable[[Path], object], form: str, tmp_path: Path
) -> None:
    path = tmp_path / "sent.toml"
    path.write_text(form.format(".".join(["a"] * 60_000)), "utf-8")
    begun = time.process_time()
    with pytest.raises(PlanningRefusedError, match="full stops in one line"):
        read(path)
    assert time.process_time() - begun < 5  # the library's reader takes a quarter of a minute
