"""Where the bundled synthetic sample lies: inside the wheel, or in the checkout."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

#: First day of the week the sample is made for (Monday of 2026-W48).
SAMPLE_AS_OF = "2026-11-23"

#: Suffixes of the feed files among what lies in the folder.
FEED_SUFFIXES = (".csv", ".csv.gz", ".parquet")


def sample_folder() -> Path:
    """Return the folder of the synthetic sample.

    Raises
    ------
    FileNotFoundError
        When neither the wheel nor the checkout holds it: the installation is damaged.
    """
    bundled = Path(str(resources.files("api"))) / "sample"
    checkout = Path(__file__).resolve().parents[2] / "data" / "sample"
    for folder in (bundled, checkout):
        if (folder / "SHA256SUMS").is_file():
            return folder
    raise FileNotFoundError(2, "the bundled sample is missing; install arv-tasking again", bundled)


def sample_fleet() -> Path:
    """Return the example fleet file that goes with the sample."""
    bundled = Path(str(resources.files("api"))) / "sample" / "fleet.toml"
    checkout = Path(__file__).resolve().parents[2] / "examples" / "fleet.toml"
    return bundled if bundled.is_file() else checkout


def sample_feeds() -> list[Path]:
    """Return the sample's feed files, sorted by name; what each covers lies beside it."""
    folder = sample_folder() / "feeds"
    return sorted(
        path
        for path in folder.iterdir()
        if path.name.endswith(FEED_SUFFIXES) and not path.name.endswith(".coverage.csv")
    )
