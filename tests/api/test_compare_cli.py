"""`arv compare` on the bundled sample: the table, the JSON and the refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.cli import run


def test_the_table_and_the_json_say_the_same(
    demo_folder: Path, repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "compare.json"
    code = run(
        ["compare", "--plan", str(demo_folder / "plan.json"), "--assessment", str(demo_folder),
         "--fleet", str(repository / "examples" / "fleet.toml"),
         "--previous", str(demo_folder / "plan.json"), "--json", str(target), "--time-limit-s", "8"]
    )  # fmt: skip
    assert code == 0
    said = capsys.readouterr().out
    body = json.loads(target.read_text(encoding="utf-8"))
    plan = json.loads((demo_folder / "plan.json").read_text(encoding="utf-8"))
    rows = {row["name"]: row for row in body["alternatives"]}
    assert rows["proposed"]["objective"] == pytest.approx(plan["objective"], abs=1e-8)
    assert rows["previous"]["objective"] == rows["proposed"]["objective"]
    assert {"nearest_centre", "proportional", "greedy"} < set(rows)
    for row in rows.values():
        assert f"{row['label']:34} {row['objective']:8.2%}" in said
        assert len(row["borough_coverage"]) == len(body["borough_codes"]) == 32
        assert len(row["areas"]) == 16
    for cost in body["rule_costs"]:
        assert f"{cost['rule']}: {100 * cost['gain']:.2f}" in said
    assert bool(body["rule_costs"]) == ("none was priced" not in said)


def test_a_fleet_of_other_units_is_refused_in_one_line(
    demo_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet = tmp_path / "fleet.toml"
    fleet.write_text(
        'service_standard_s = 540\nturnout_s = 60\n[[units]]\nunit_id = "ARV-99"\n'
        'provenance = "CO19"\neligible_boroughs = []\non_duty = true\n',
        encoding="utf-8",
    )
    target = tmp_path / "compare.json"
    code = run(
        ["compare", "--plan", str(demo_folder / "plan.json"), "--assessment", str(demo_folder),
         "--fleet", str(fleet), "--json", str(target)]
    )  # fmt: skip
    assert code == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and "ARV-99" in lines[0] and "Remedy: " in lines[0]
    assert not target.exists()


def test_alternatives_are_plans_that_cover_nearly_as_much(
    demo_folder: Path, repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "others"
    code = run(
        ["alternatives", "--plan", str(demo_folder / "plan.json"), "--assessment", str(demo_folder),
         "--fleet", str(repository / "examples" / "fleet.toml"), "--count", "1",
         "--tolerance", "0.01", "--out", str(out), "--json", str(out / "found.json")]
    )  # fmt: skip
    assert code == 0
    said = capsys.readouterr().out
    body = json.loads((out / "found.json").read_text(encoding="utf-8"))
    plan = json.loads((demo_folder / "plan.json").read_text(encoding="utf-8"))
    other = json.loads((out / "alternative-1.json").read_text(encoding="utf-8"))
    (one,) = body["alternatives"]
    assert one["plan"] == other
    assert other["objective"] >= plan["bound"] / 1.01 - 1e-9
    before = {borough["code"]: borough["unit_id"] for borough in plan["boroughs"]}
    moved = sum(before[borough["code"]] != borough["unit_id"] for borough in other["boroughs"])
    assert one["boroughs_moved"] == moved >= one["least_distance"] >= 1
    changed = {
        after["unit_id"]
        for old, after in zip(plan["units"], other["units"], strict=True)
        if old["boroughs"] != after["boroughs"]
    }
    for unit_id in changed:
        assert f"  {unit_id}: " in said
    assert one["units_changed"] == len(changed)


def test_refined_wards_are_in_the_plan_and_said(
    demo_folder: Path, repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "refined"
    code = run(
        ["allocate", "--assessment", str(demo_folder), "--out", str(out), "--refine-wards",
         "--fleet", str(repository / "examples" / "fleet.toml")]
    )  # fmt: skip
    assert code == 0
    plan = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    moved = plan["settings"]["ward_refinement"]["moved"]
    assert moved
    assert f"{len(moved)} border wards moved" in capsys.readouterr().err
    owner = {ward: unit["unit_id"] for unit in plan["units"] for ward in unit["wards"]}
    for ward, (_, taker) in moved.items():
        assert owner[ward] == taker
