"""Bars on standard error: figures of the proof beside the step, silence without a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from allocator.following import Follower
from api.cli import progress


def test_figures_stand_beside_the_step_they_belong_to(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=120, color_system=None)
    monkeypatch.setattr(progress, "console", terminal)
    with progress.progress_bars() as report:
        report("Preparing", 1.0)
        assert isinstance(report, Follower)
        assert not report.stop_asked()
        report.measured(0.6724, 0.673)
        report("Proving", 0.5)
        report("Explaining", 2.0)
    shown = screen.getvalue()
    assert "Proving: 67.24%, at most 67.30%" in shown
    assert "Preparing:" not in shown
    assert "Explaining:" not in shown


def test_programs_see_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(progress, "console", Console(file=screen, force_terminal=False))
    with progress.progress_bars() as report:
        report("Proving", 0.5)
    assert screen.getvalue() == ""
