"""The synthetic sample: reproducible, calibrated on published totals, accusing nobody."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hotspots.boundaries.study_area import load_bundled
from hotspots.feeds.reader import ReadOptions, read_feed

GUN_CRIME = ("reported_shooting", "recorded_gun_crime")
THIS_YEAR = ("2026-04-01", "2026-10-20")
LAST_YEAR = ("2025-04-01", "2025-10-20")


@pytest.fixture(scope="module")
def sample(repository: Path) -> Path:
    return repository / "data" / "sample"


@pytest.fixture(scope="module")
def records(sample: Path) -> pd.DataFrame:
    """Every row of every feed, with the local start and end beside the text."""
    files = sorted(p for p in (sample / "feeds").glob("*.csv") if ".coverage." not in p.name)
    rows: pd.DataFrame = pd.concat([pd.read_csv(p, dtype=str) for p in files], ignore_index=True)
    start = rows["occurred_at"].fillna(rows["occurred_from"])
    rows["start"] = pd.to_datetime(start, format="ISO8601")
    end = pd.to_datetime(rows["occurred_at"].fillna(rows["occurred_to"]), format="ISO8601")
    rows["end"] = end.where(start.str.len() > 10, end + pd.Timedelta(days=1))
    return rows


@pytest.fixture(scope="module")
def gun_crimes(records: pd.DataFrame) -> pd.DataFrame:
    """The last version of every gun crime."""
    corrected = records["corrects"].dropna()
    last = records[~records["record_id"].isin(corrected)]
    standing: pd.DataFrame = last[last["correction"] != "withdrawn"]
    found: pd.DataFrame = standing[standing["source"].isin(GUN_CRIME)]
    return found


@pytest.fixture(scope="module")
def wards(repository: Path) -> gpd.GeoDataFrame:
    frame: gpd.GeoDataFrame = gpd.read_file(repository / "data" / "boundaries" / "wards.geojson")
    return frame


def between(rows: pd.DataFrame, days: tuple[str, str]) -> pd.DataFrame:
    day = rows["start"].dt.strftime("%Y-%m-%d")
    chosen: pd.DataFrame = rows[(day >= days[0]) & (day <= days[1])]
    return chosen


def generate(sample: Path, out: Path, *options: str) -> dict[str, bytes]:
    command = [sys.executable, str(sample / "generate.py"), "--out", str(out), *options]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}


def test_generator_reproduces_the_committed_bytes(sample: Path, tmp_path: Path) -> None:
    made = generate(sample, tmp_path)
    for name, content in made.items():
        assert (sample / name).read_bytes() == content, name
    committed = {p.relative_to(sample).as_posix() for p in (sample / "feeds").iterdir()}
    assert committed | {"SHA256SUMS"} == set(made)


def test_another_seed_gives_another_sample(sample: Path, tmp_path: Path) -> None:
    made = generate(sample, tmp_path, "--seed", "7")
    for name in ("feeds/reported_shooting.csv", "feeds/crimint.csv"):
        assert (sample / name).read_bytes() != made[name]


def test_checksums_hold_and_the_folder_is_small(sample: Path) -> None:
    lines = (sample / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    listed = {name: digest for digest, name in (line.split("  ") for line in lines)}
    files = sorted((sample / "feeds").iterdir())
    found = {f"feeds/{p.name}": hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
    assert listed == found
    size = sum(p.stat().st_size for p in [*files, *sample.iterdir()] if p.is_file())
    assert size < 3_000_000


def test_the_feed_reader_accepts_every_row_and_the_stated_coverage(sample: Path) -> None:
    area = load_bundled()
    policed = area.wards.loc[area.wards["policed"], "ward_code"]
    files = sorted((sample / "feeds").glob("*.coverage.csv"))
    assert len(files) == 9
    for sidecar in files:
        path = sidecar.with_name(sidecar.name.replace(".coverage", ""))
        reading = read_feed(path, area, options=ReadOptions())
        assert reading.rejected == ()
        assert reading.warnings == ()
        assert len(reading.records) == len(path.read_text(encoding="utf-8").splitlines()) - 1
        assert reading.coverage.stated
        assert reading.coverage.areas is not None
        assert set(policed) <= reading.coverage.areas
        assert "E09000001" not in reading.coverage.areas


def test_totals_are_the_papers(gun_crimes: pd.DataFrame) -> None:
    now, before = between(gun_crimes, THIS_YEAR), between(gun_crimes, LAST_YEAR)
    assert (len(now), len(before)) == (1575, 1875)
    fatal = [int((year["category"] == "firearm_discharged_fatal").sum()) for year in (now, before)]
    assert fatal == [14, 6]
    for year in (now, before):
        share = year["category"].value_counts(normalize=True)
        assert share.filter(like="firearm_discharged").sum() == pytest.approx(0.27, abs=0.0005)
        assert share["firearm_intimated"] == pytest.approx(0.12, abs=0.0005)
        assert 0.5 < share["firearm_threat"] < 0.53


def test_borough_shares_follow_the_published_table(
    sample: Path, gun_crimes: pd.DataFrame, wards: gpd.GeoDataFrame
) -> None:
    table = pd.read_csv(sample / "borough_gun_crime_2021-08_2023-07.csv").set_index("borough_code")
    assert len(table) == 32
    year = between(gun_crimes, THIS_YEAR)
    points = gpd.points_from_xy(year["easting"].astype(float), year["northing"].astype(float))
    placed = gpd.sjoin(gpd.GeoDataFrame(geometry=points, crs=wards.crs), wards, how="left")
    found = placed["borough_code"].value_counts()
    expected = 1575 * table["offences"] / table["offences"].sum()
    assert found.sum() == 1575
    assert (found - expected).abs().max() < 1


def test_published_table_is_the_public_series(sample: Path, shared_data: Path) -> None:
    source = shared_data / "crime" / "mps_gun_knife_borough_monthly_2021-08_2023-07.parquet"
    counts = pd.read_parquet(source)
    gun = counts[(counts["series"] == "gun_crime") & (counts["measure"] == "offences")]
    totals = gun.groupby("area_code")["count"].sum()
    table = pd.read_csv(sample / "borough_gun_crime_2021-08_2023-07.csv")
    assert table["offences"].tolist() == totals[table["borough_code"]].tolist()


def test_no_ward_is_favoured_inside_its_borough(
    records: pd.DataFrame, wards: gpd.GeoDataFrame
) -> None:
    """Pearson's chi-square over all boroughs: every ward has the same chance in its borough."""
    points = records.dropna(subset=["easting"])
    place = gpd.points_from_xy(points["easting"].astype(float), points["northing"].astype(float))
    placed = gpd.sjoin(gpd.GeoDataFrame(points[["source"]], geometry=place, crs=wards.crs), wards)
    assert len(placed) == len(points)
    own = placed[placed["source"].isin(("crimint", "blunt_2", *GUN_CRIME))]
    policed = wards[wards["borough_code"] != "E09000001"].set_index("ward_code")
    found = own["ward_code"].value_counts().reindex(policed.index, fill_value=0)
    borough = policed["borough_code"]
    expected = found.groupby(borough).transform("mean")
    statistic = float(((found - expected) ** 2 / expected).sum())
    p = stats.chi2.sf(statistic, df=len(policed) - borough.nunique())
    assert 0.005 < p < 0.995


def test_every_row_is_marked_and_every_id_unique(records: pd.DataFrame) -> None:
    assert (records["notice"] == "SYNTHETIC").all()
    assert records["record_id"].is_unique
    has_point = records["easting"].notna() & records["northing"].notna()
    assert (has_point ^ records["area_code"].notna()).all()


def test_discovered_records_are_what_police_activity_finds(records: pd.DataFrame) -> None:
    discovered = records[records["basis"] == "discovered"]
    assert set(discovered["category"]) == {"weapon_recovered", "possession_firearm"}
    assert (records.loc[records["source"] == "blunt_2", "basis"] == "discovered").all()
    assert set(records["basis"]) == {"reported", "discovered"}


def test_times_are_possible_and_known_afterwards(records: pd.DataFrame) -> None:
    for column in ("start", "end", "known_at"):
        local = pd.to_datetime(records[column], format="ISO8601")
        local.dt.tz_localize("Europe/London", ambiguous="raise", nonexistent="raise")
    known = pd.to_datetime(records["known_at"], format="ISO8601")
    assert (records["start"] <= records["end"]).all()
    assert (records["end"] <= known).all()
    assert records["start"].min() >= pd.Timestamp("2025-04-01")
    assert known.max() <= pd.Timestamp("2026-11-22T23:59")


def test_last_day_week_and_month_have_reports(records: pd.DataFrame) -> None:
    reported = records[records["basis"] == "reported"]
    age = pd.Timestamp("2026-11-23") - reported["start"]
    counts = [int((age <= pd.Timedelta(days=days)).sum()) for days in (1, 7, 28)]
    assert counts[0] >= 5
    assert counts[1] > counts[0]
    assert counts[2] > counts[1]


def test_corrections_name_an_earlier_version_in_their_own_file(records: pd.DataFrame) -> None:
    corrections = records.dropna(subset=["corrects"])
    first = records.set_index("record_id").loc[corrections["corrects"]]
    assert set(corrections["correction"]) == {"reclassified", "withdrawn", "moved"}
    assert (corrections["source"].to_numpy() == first["source"].to_numpy()).all()
    assert (corrections["known_at"].to_numpy() > first["known_at"].to_numpy()).all()
    moved = (corrections["correction"] == "moved").to_numpy()
    places = (frame["easting"].fillna("").to_numpy() for frame in (corrections, first))
    away = np.not_equal(*places)
    assert np.array_equal(moved, away)
    changed = corrections["category"].to_numpy() != first["category"].to_numpy()
    assert np.array_equal((corrections["correction"] == "reclassified").to_numpy(), changed)
