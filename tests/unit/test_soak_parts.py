"""The soak's own machinery: figures beside targets, and parts that fail or take too long."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from benchmarks.soak import __main__ as soak
from benchmarks.soak.figures import Report, at_least, at_most, none_of, table
from benchmarks.soak.parts import Part, run_beside, run_part

HERE = __name__.rpartition(".")[0]


def test_a_figure_stands_beside_its_target() -> None:
    figures = [
        at_most("wait", 49.96, 50, "ms"),
        at_least("appends", 82.4, 100, "/s"),
        none_of("lost", 0),
        at_most("nothing measured", float("nan"), 50, "ms"),
    ]
    assert [one.met for one in figures] == [True, False, True, False]
    assert table(figures).splitlines() == [
        "wait              50.0 ms  <= 50 ms   PASS",
        "appends           82.4 /s  >= 100 /s  MISS",
        "lost              0        <= 0       PASS",
        "nothing measured  none ms  <= 50 ms   MISS",
    ]


def test_parts_run_in_processes_of_their_own_and_failures_are_figures(
    capfd: pytest.CaptureFixture[str],
) -> None:
    fine, failing = Part(f"{HERE}.soak_part_fine", 120), Part(f"{HERE}.soak_part_failing", 120)
    figures = run_beside([[fine], [failing]])
    assert [one.met for one in figures] == [True, True, False, True]
    assert figures[0].value != os.getpid()
    assert "ValueError: no luck" in figures[2].what
    assert "== soak_part_fine begins" in capfd.readouterr().out


def test_a_part_that_takes_too_long_is_ended_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = tmp_path / "child"
    monkeypatch.setenv("SOAK_PART_SAYS", str(said))
    figures = run_part(Part(f"{HERE}.soak_part_endless", 10))
    assert [one.met for one in figures] == [False, False]
    assert "it took too long" in figures[0].what
    child = Path("/proc") / said.read_text()
    end = time.monotonic() + 30
    while child.exists() and time.monotonic() < end and "Z" not in (child / "stat").read_text():
        time.sleep(0.1)
    assert not child.exists() or "Z" in (child / "stat").read_text()
    assert not multiprocessing.active_children()


def test_every_part_is_there_and_an_unknown_one_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert soak.main(["everything"]) == 2
    said = capsys.readouterr().err
    for part in (one for lane in (soak.TIMED, *soak.LANES) for one in lane):
        assert part.name in said
        file = Path(soak.__file__).with_name(f"{part.name}.py")
        assert "def run(" in file.read_text("utf-8")
    whole_s = sum(one.limit_s for one in soak.TIMED)
    whole_s += max(sum(one.limit_s for one in lane) for lane in soak.LANES)
    assert whole_s <= 3900  # the limits are wider than what the parts take


def test_a_report_reads_as_text() -> None:
    report = Report((none_of("lost", 0),), "words")
    assert report.text().splitlines() == ["words", "lost  0  <= 0  PASS"]
