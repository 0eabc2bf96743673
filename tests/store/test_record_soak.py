"""Small versions of the soaks of approvals and of the audit record."""

from __future__ import annotations

from pathlib import Path

from benchmarks.soak.audit_record import measure
from benchmarks.soak.kill_approval import kill_often


def test_kills_during_approval_lose_nothing(empty_url: str, tmp_path: Path) -> None:
    tally = kill_often(empty_url, tmp_path / "keys", kills=4, seed=3)
    assert (tally.kills, tally.lost, tally.halves) == (4, 0, 0)
    assert tally.acknowledged > 0


def test_many_rows_are_verified(kind: str, empty_url: str, tmp_path: Path) -> None:
    appends, verified, faults = measure(kind, empty_url, tmp_path / "keys", 3_000, 20).figures
    assert appends.value > 0
    assert "3,000 audit rows" in verified.what
    assert faults.met
