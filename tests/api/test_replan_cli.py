"""`arv replan` as a planner calls it, on the bundled sample."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.cli import run


def replan(demo_folder: Path, out: Path, repository: Path, *more: str) -> int:
    fleet = repository / "examples" / "fleet.toml"
    given = [
        "--plan",
        str(demo_folder / "plan.json"),
        "--assessment",
        str(demo_folder),
        "--fleet",
        str(fleet),
    ]
    return run(["replan", *given, "--out", str(out), *more])


def test_a_lost_unit_is_made_good_with_few_changes(
    demo_folder: Path, tmp_path: Path, repository: Path
) -> None:
    out = tmp_path / "mended"
    assert replan(demo_folder, out, repository, "--lost", "ARV-04") == 0
    before = json.loads((demo_folder / "plan.json").read_text("utf-8"))
    after = json.loads((out / "plan.json").read_text("utf-8"))
    told = json.loads((out / "replan.json").read_text("utf-8"))
    assert {u["unit_id"] for u in before["units"]} - {u["unit_id"] for u in after["units"]} == {
        "ARV-04"
    }
    old = {unit["unit_id"]: unit["boroughs"] for unit in before["units"]}
    changed = {u["unit_id"] for u in after["units"] if old[u["unit_id"]] != u["boroughs"]}
    assert {change["unit_id"] for change in told["changes"]} == changed | {"ARV-04"}
    assert after["objective"] >= 0.99 * told["from_scratch"]["objective"]
    assert told["plan"] == after
    assert (out / "map.html").is_file()


def test_a_unit_nobody_knows_is_refused_and_nothing_written(
    demo_folder: Path, tmp_path: Path, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "none"
    assert replan(demo_folder, out, repository, "--lost", "ARV-99") == 1
    error = capsys.readouterr().err
    assert "'ARV-99' is named as lost" in error
    assert "Remedy:" in error
    assert not out.exists()
