"""Every fault of the corpus on the command line: exit 1, one line with the remedy, no output."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from api.cli import run
from tests.bad_input.commands import command
from tests.bad_input.corpus import DOORS, Fault
from tests.bad_input.faults import FAULTS

#: Generous on a busy machine; nothing here may wait, unpack or compute for long.
LIMIT_S = 30.0


def test_every_reader_has_faults_and_every_fault_a_name_of_its_own() -> None:
    assert {one.door for one in FAULTS} == set(DOORS)
    labels = [one.label for one in FAULTS]
    assert len(labels) == len(set(labels))


@pytest.mark.parametrize("one", FAULTS, ids=lambda one: one.label)
def test_a_fault_is_refused_in_one_line_and_nothing_is_written(
    one: Fault, tmp_path: Path, inputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, results = tmp_path / "in", tmp_path / "results"
    folder.mkdir()
    results.mkdir()
    bad = one.make(folder)
    before = sorted(folder.rglob("*"))
    started = time.monotonic()
    code = run(command(one.door, bad, inputs, results / "out"))
    took_s = time.monotonic() - started
    captured = capsys.readouterr()
    assert code == 1, captured.err
    assert captured.out == ""
    assert captured.err.count("\n") == 1, captured.err
    assert captured.err.rstrip("\n").isprintable(), repr(captured.err)
    assert len(captured.err) < 3_000
    assert "Remedy:" in captured.err
    assert "defect" not in captured.err
    for word in one.words:
        assert word in captured.err, captured.err
    assert not list(results.iterdir())
    assert sorted(folder.rglob("*")) == before
    assert took_s < LIMIT_S
