"""`arv assess --sanitised`: every file is what it would be had the C material never come."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from api.cli import run
from tests.bad_input.good_files import small_london
from tests.unit.feed_files import MEETING_HEADER, meeting_line

WARD = 20


def line(number: int, ward: int, day: int, code: str = "") -> str:
    place = small_london().wards.geometry.representative_point().iloc[ward]
    at = pd.Timestamp("2026-06-01T21:15") + pd.Timedelta(days=day)
    return meeting_line(
        f"RS-{number}", easting=f"{place.x:.0f}", northing=f"{place.y:.0f}",
        occurred_at=f"{at:%Y-%m-%dT%H:%M}", known_at=f"{at:%Y-%m-%dT%H:%M}Z", handling_code=code,
    )  # fmt: skip


def assessed(folder: Path, lines: list[str], *more: str) -> Path:
    folder.mkdir()
    wards = small_london().wards.drop(columns="policed")
    boundary = folder.parent / "wards.gpkg"
    if not boundary.exists():  # a GeoPackage holds the time it was written
        wards.to_file(boundary)
    (folder / "week.csv").write_text("\n".join([MEETING_HEADER, *lines]) + "\n", "utf-8")
    covered = [f"{code},2026-01-01,2026-11-22" for code in sorted(set(wards["borough_code"]))]
    sidecar = "\n".join(["area_code,first_day,last_day", *covered]) + "\n"
    (folder / "week.coverage.csv").write_text(sidecar, "utf-8")
    files = ["--incidents", str(folder / "week.csv"), "--wards", str(boundary)]
    assert run(["assess", "--as-of", "2026-11-23", *files, *more, "--out", str(folder / "o")]) == 0
    return folder / "o"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Return the whole picture, the sanitised one, and one that never knew the C material."""
    root = tmp_path_factory.mktemp("sanitised")
    plain = [line(i, (7 * i) % 60, 3 * i) for i in range(50)]
    coded = [line(100 + i, WARD, 160 + i, "C") for i in range(12)]
    coded.append(line(1090, WARD, 172, "C").replace("firearm", "Magpie"))  # refused
    report = "--report-rejected"
    return (
        assessed(root / "whole", [*plain, *coded], report),
        assessed(root / "bare", [*plain, *coded], report, "--sanitised"),
        assessed(root / "never", plain, report),
    )


def document(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "assessment.json").read_text("utf-8")))


def test_the_whole_picture_names_the_patterns_that_used_it(
    folders: tuple[Path, Path, Path],
) -> None:
    said = document(folders[0])
    assert said["handling_code"] == "C"
    assert {"clusters", "emerging", "neighbourhoods", "area_views"} < set(
        said["handling_c_outputs"]
    )
    assert said["handling_c_records"] == 12
    code = str(small_london().wards["ward_code"].iloc[WARD])
    assert any(code in one["ward_codes"] for one in said["clusters"])


def test_the_sanitised_files_are_those_without_it(folders: tuple[Path, Path, Path]) -> None:
    _, bare, never = folders
    for name in ("cells.parquet", "draws.parquet"):
        pd.testing.assert_frame_equal(pd.read_parquet(bare / name), pd.read_parquet(never / name))
    for name in ("wards.csv", "boroughs.csv", "views.csv", "groups.csv"):
        assert (bare / name).exists() == (never / name).exists()
        if (bare / name).exists():
            own, other = (pd.read_csv(one / name) for one in (bare, never))
            kept = [column for column in own if "assessment" not in column]
            pd.testing.assert_frame_equal(own[kept], other[kept])
    mine, theirs = document(bare), document(never)
    for key in set(mine) | set(theirs):
        if key not in ("assessment_id", "inputs_sha256", "sanitised", "data_gaps"):
            assert mine[key] == theirs[key], key
    assert mine["sanitised"] is True
    assert mine["data_gaps"] == ["Sanitised: material with handling code C is left out.",
                                 *theirs["data_gaps"]]  # fmt: skip
    for path in bare.iterdir():
        assert not [one for one in (b"RS-10", b"Magpie") if one in path.read_bytes()], path


def test_beside_the_whole_picture_lies_the_sanitised_one(
    folders: tuple[Path, Path, Path],
) -> None:
    whole, bare, never = folders
    assert b"Magpie" in (whole / "rejected.csv").read_bytes()
    names = {path.name for path in bare.iterdir()}
    assert {path.name for path in (whole / "sanitised").iterdir()} == names
    for name in names:
        assert (whole / "sanitised" / name).read_bytes() == (bare / name).read_bytes(), name
    assert not (bare / "sanitised").exists()
    assert not (never / "sanitised").exists()
