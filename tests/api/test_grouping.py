"""A meeting's own grouping of boroughs is scored beside the bundled one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from api.cli import run

COUNTS = """month,area_type,area_code,area_name,borough_name,series,measure,count
2026-09,ward,E05009367,A,Hackney,gun_crime,offences,2
2026-10,ward,E05009367,A,Hackney,gun_crime,offences,3
"""
EAST = """area_code,group_code,group_name
E09000012,EAST,East of the Lea
E09000025,EAST,East of the Lea
"""


def assess(folder: Path, grouping: str) -> int:
    (folder / "counts.csv").write_text(COUNTS, "utf-8")
    (folder / "sectors.csv").write_text(grouping, "utf-8")
    files = ["--counts", str(folder / "counts.csv"), "--grouping", str(folder / "sectors.csv")]
    return run(["assess", "--as-of", "2026-11-23", *files, "--out", str(folder / "out")])


def test_its_groups_are_the_sums_of_their_boroughs(tmp_path: Path) -> None:
    assert assess(tmp_path, EAST) == 0
    groups = pd.read_csv(tmp_path / "out" / "groups.csv")
    (own,) = groups[groups["grouping"] == "sectors"].to_dict("records")
    boroughs = pd.read_csv(tmp_path / "out" / "boroughs.csv").set_index("code")
    whole = boroughs.loc[["E09000012", "E09000025"], "expected_per_week"].sum()
    assert own["name"] == "East of the Lea"
    assert own["expected_per_week"] == pytest.approx(whole, abs=2e-6)
    assert own["lower_90"] < own["expected_per_week"] < own["upper_90"]
    assert (groups["grouping"] != "sectors").sum() == 12


@pytest.mark.parametrize(
    ("grouping", "named"),
    [
        ("", "Remedy"),
        ("area_code,group_code\nE09000012,EAST\n", "group_name"),
        (EAST + "E09000012,WEST,West\n", "E09000012"),
    ],
)
def test_a_table_that_is_none_is_refused(
    grouping: str, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert assess(tmp_path, grouping) == 1
    line = capsys.readouterr().err
    assert named in line
    assert line.count("\n") == 1
    assert not (tmp_path / "out").exists()
