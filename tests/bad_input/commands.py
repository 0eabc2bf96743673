"""The command line that reads each kind of bad input, with everything else sound."""

from __future__ import annotations

from pathlib import Path

from tests.bad_input import good_files as good

Parts = list[str | Path]


def sound(folder: Path) -> Path:
    """Return a new folder of sound inputs: feed, events, city, fleet, assessment."""
    folder.mkdir()
    names = {"week.csv": "feed/meeting csv", "log.csv": "events/csv", "fleet.toml": "fleet/toml",
             "city.geojson": "boundary/geojson"}  # fmt: skip
    for name, key in names.items():
        (folder / name).write_bytes(good.good_files()[key][1])
    (folder / "assessed").mkdir()
    for name, content in good.assessment_files().items():
        (folder / "assessed" / name).write_bytes(content)
    return folder


def command(door: str, bad: Path, inputs: Path, out: Path) -> list[str]:
    """Return the arguments of ``arv`` that read ``bad`` through one door.

    Parameters
    ----------
    door
        Which reader: see ``corpus.DOORS``.
    bad
        The bad file or folder.
    inputs
        A folder of :func:`sound`.
    out
        Where results would go.
    """
    week, log, city = inputs / "week.csv", inputs / "log.csv", inputs / "city.geojson"
    assess: Parts = ["assess", "--as-of", good.AS_OF, "--out", out]
    forecast: Parts = [
        "forecast",
        "--crs",
        "EPSG:27700",
        "--as-of",
        good.AS_OF,
        "--out",
        f"{out}.parquet",
    ]
    allocate: Parts = ["allocate", "--out", out]
    fleet: Parts = ["--fleet", inputs / "fleet.toml"]
    assessed: Parts = ["--assessment", inputs / "assessed"]
    found: dict[str, Parts] = {
        "incidents": [*assess, "--incidents", bad],
        "sidecar": [*assess, "--incidents", bad],
        "counts": [*assess, "--counts", bad],
        "policy": [*assess, "--incidents", week, "--policy", bad],
        "events": [*forecast, "--incidents", bad, "--boundary", city],
        "boundary": [*forecast, "--incidents", log, "--boundary", bad],
        "wards": ["boundaries", "show", "--wards", bad, "--json", f"{out}.json"],
        "fleet": [*allocate, *assessed, "--fleet", bad],
        "plan": [*allocate, *assessed, *fleet, "--previous", bad],
        "assessment": [*allocate, *fleet, "--assessment", bad],
    }
    return [str(part) for part in found[door]]
