"""Every bad input of the meeting's desk: exit 1, one line with row, value and remedy, no output."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from api.cli import run

HEADER = (
    "record_id,source,category,basis,occurred_at,easting,northing,source_grade,information_grade"
)
GOOD = "R1,reported_shooting,firearm_discharged,reported,2026-11-02T21:15,533500,185000,1,A"
COUNTS_HEADER = "month,area_type,area_code,area_name,borough_name,series,measure,count"
COUNTS_GOOD = "2026-10,ward,E05009367,A,Hackney,gun_crime,offences,2"


def feed(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


def changed(**columns: str) -> str:
    """Return the good row as a second record with some cells changed."""
    cells = dict(zip(HEADER.split(","), GOOD.split(","), strict=True)) | {"record_id": "R2"}
    return ",".join({**cells, **columns}.values())


#: name -> (option, file text, words that the one line must hold)
FEEDS: dict[str, tuple[str, str, list[str]]] = {
    "empty file": ("--incidents", "", ["empty"]),
    "header only": ("--incidents", feed(), ["no"]),
    "wrong delimiter": ("--incidents", feed(GOOD).replace(",", ";"), ["semicolons"]),
    "missing column": (
        "--incidents",
        feed("R1,x,2026-11-02", header="record_id,source,occurred_at"),
        ["category"],
    ),
    "swapped eastings and northings": (
        "--incidents",
        feed(GOOD, changed(easting="185000", northing="533500")),
        ["row 2", "185000", "swap"],
    ),
    "point in the sea": (
        "--incidents",
        feed(GOOD, changed(easting="700000", northing="150000")),
        ["row 2", "700000"],
    ),
    "31 February": (
        "--incidents",
        feed(GOOD, changed(occurred_at="31/02/2026")),
        ["row 2", "31/02/2026"],
    ),
    "a time that does not exist": (
        "--incidents",
        feed(GOOD, changed(occurred_at="2026-03-29T01:30")),
        ["row 2", "2026-03-29T01:30"],
    ),
    "duplicate id": ("--incidents", feed(GOOD, changed(record_id="R1")), ["row 2", "R1"]),
    "unknown source": (
        "--incidents",
        feed(GOOD, changed(source="rumour")),
        ["row 2", "source", "rumour"],
    ),
    "impossible grade": (
        "--incidents",
        feed(GOOD, changed(source_grade="9")),
        ["row 2", "source_grade", "9"],
    ),
    "infinite coordinate": (
        "--incidents",
        feed(GOOD, changed(easting="inf")),
        ["row 2", "easting", "inf"],
    ),
    "personal data": (
        "--incidents",
        feed(GOOD + ",A Person", header=HEADER + ",suspect_name"),
        ["suspect_name", "drop personal columns"],
    ),
    "negative count": (
        "--counts",
        feed(COUNTS_GOOD, COUNTS_GOOD[:-1] + "-3", header=COUNTS_HEADER),
        ["row 2", "-3"],
    ),
}


@pytest.mark.parametrize("name", FEEDS)
def test_a_bad_feed_is_refused_in_one_line_and_nothing_is_written(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    option, text, words = FEEDS[name]
    path, out = tmp_path / "bad feed.csv", tmp_path / "out"
    path.write_text(text, encoding="utf-8")
    code = run(["assess", "--as-of", "2026-11-23", option, str(path), "--out", str(out)])
    captured = capsys.readouterr()
    assert code == 1
    assert captured.err.count("\n") == 1, captured.err
    assert "Remedy:" in captured.err
    assert "Traceback" not in captured.err
    for word in words:
        assert word in captured.err
    assert not out.exists()


def test_counts_of_an_unknown_area_are_set_aside_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "counts.csv", tmp_path / "out"
    unknown = COUNTS_GOOD.replace("E05009367", "E05999999")
    path.write_text(feed(COUNTS_GOOD, unknown, header=COUNTS_HEADER), encoding="utf-8")
    code = run(["assess", "--as-of", "2026-11-23", "--counts", str(path), "--out", str(out)])
    assert code == 0
    assert "E05999999" in capsys.readouterr().err
    assert "E05999999" in (out / "rejected.csv").read_text("utf-8")


def test_a_missing_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "none.csv"
    code = run(["assess", "--as-of", "2026-11-23", "--incidents", str(missing), "--out", "o"])
    assert code == 1
    assert "none.csv" in capsys.readouterr().err


def test_no_file_at_all_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["assess", "--as-of", "2026-11-23", "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "no feed to assess. Remedy: give at least one feed" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("day", ["31/02/2026", "2026-13-01", "tomorrow", ""])
def test_a_day_that_is_none_is_refused(
    day: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["assess", "--as-of", day, "--out", str(tmp_path / "out")]) == 1
    assert "Remedy" in capsys.readouterr().err


def test_wrong_usage_ends_with_two() -> None:
    assert run(["assess", "--no-such-option"]) == 2
    assert run(["no-such-command"]) == 2
    assert run(["allocate"]) == 2


@pytest.mark.parametrize(
    "command", [[], ["demo"], ["assess"], ["allocate"], ["forecast"], ["boundaries"]]
)
def test_help_teaches(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command, "--help"]) == 0
    assert len(capsys.readouterr().out) > 200


UNIT = '[[units]]\nunit_id = "ARV-{n:02d}"\nprovenance = "CO19"\n'
HEAD = 'service_standard_s = 540\nturnout_s = 60\nlabel = "assumption"\n'


def fleet_of(n_units: int, extra: str = "") -> str:
    return HEAD + "\n".join(UNIT.format(n=n + 1) for n in range(n_units)) + extra


FLEETS: dict[str, tuple[str, list[str]]] = {
    "no units": (HEAD + "units = []\n", ["0 units"]),
    "forty units": (fleet_of(40), ["40"]),
    "eligible nowhere": (
        fleet_of(15) + UNIT.format(n=16) + 'eligible_boroughs = ["E09000001"]\n',
        ["ARV-16", "E09000001"],
    ),
    "unknown borough": (
        fleet_of(15) + UNIT.format(n=16) + 'eligible_boroughs = ["E09000099"]\n',
        ["ARV-16", "E09000099"],
    ),
    "duplicate unit": (fleet_of(15) + UNIT.format(n=1), ["ARV-01"]),
    "standard of zero": (fleet_of(16).replace("540", "0"), ["service_standard_s", "0"]),
    "not TOML": ("[[units\n", ["TOML"]),
    "bad unit id": (fleet_of(16).replace("ARV-16", "arv 16!"), ["arv 16!"]),
}


@pytest.mark.parametrize("name", FLEETS)
def test_a_bad_fleet_is_refused(
    name: str,
    tmp_path: Path,
    demo_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text, words = FLEETS[name]
    path, out = tmp_path / "fleet.toml", tmp_path / "out"
    path.write_text(text, encoding="utf-8")
    code = run(
        ["allocate", "--assessment", str(demo_folder), "--fleet", str(path), "--out", str(out)]
    )
    line = capsys.readouterr().err
    assert code == 1
    assert line.count("\n") == 1
    assert "Remedy:" in line
    for word in words:
        assert word in line
    assert not out.exists()


LOCKS: dict[str, tuple[list[str], list[str]]] = {
    "two units for one borough": (
        ["ARV-01=E09000012", "ARV-02=E09000012"],
        ["ARV-01", "ARV-02"],
    ),
    "unknown unit": (["ARV-99=E09000012"], ["ARV-99"]),
    "unknown borough": (["ARV-01=E09000098"], ["E09000098"]),
    "the City": (["ARV-01=E09000001"], ["E09000001"]),
    "not a lock": (["ARV-01:Hackney"], ["ARV-01:Hackney"]),
    "far apart": (["ARV-01=E09000017,E09000016"], ["ARV-01"]),
}


@pytest.mark.parametrize("name", LOCKS)
def test_contradictory_locks_are_refused(
    name: str,
    tmp_path: Path,
    demo_folder: Path,
    plain_fleet: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    locks, words = LOCKS[name]
    out = tmp_path / "out"
    arguments = ["allocate", "--assessment", str(demo_folder), "--fleet", str(plain_fleet)]
    code = run(
        [*arguments, "--out", str(out), *(part for lock in locks for part in ("--lock", lock))]
    )
    line = capsys.readouterr().err
    assert code == 1
    assert line.count("\n") == 1
    for word in words:
        assert word in line
    assert not out.exists()


def _drop_draws(folder: Path) -> None:
    (folder / "draws.parquet").unlink()


def _cut_document(folder: Path) -> None:
    path = folder / "assessment.json"
    path.write_text(path.read_text("utf-8")[:1000], "utf-8")


def _drop_a_ward(folder: Path) -> None:
    path = folder / "assessment.json"
    value = json.loads(path.read_text("utf-8"))
    del value["wards"][0]
    path.write_text(json.dumps(value), "utf-8")


def _nan_rate(folder: Path) -> None:
    path = folder / "assessment.json"
    value = json.loads(path.read_text("utf-8"))
    value["wards"][0]["expected_per_week"] = float("nan")
    path.write_text(json.dumps(value), "utf-8")


@pytest.mark.parametrize("damage", [_drop_draws, _cut_document, _drop_a_ward, _nan_rate])
def test_a_damaged_assessment_is_refused(
    damage: Callable[[Path], None],
    tmp_path: Path,
    demo_copy: Path,
    plain_fleet: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(demo_copy)
    out = tmp_path / "out"
    arguments = ["allocate", "--assessment", str(demo_copy), "--fleet", str(plain_fleet)]
    assert run([*arguments, "--out", str(out)]) == 1
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "Remedy:" in line
    assert not out.exists()
