"""Evidence and what it says: feeds, receipts, incidents, and assessments made from them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from api.client.bodies import form_body
from api.client.exchange import Exchange
from api.client.jobs import Jobs
from api.client.messages import Box, corners, segment
from api.client.pages import pages
from api.client.records import Assessed, Receipt, assessed_of, receipt_of

if TYPE_CHECKING:
    import pandas as pd


class Feeds:
    """Files of evidence in the store, and the records they told of."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def upload(
        self,
        file: Path,
        *,
        coverage: Path | None = None,
        report_rejected: bool = False,
        drop_personal_columns: bool = False,
    ) -> Receipt:
        """Take a file into the store; a file given again changes nothing.

        Parameters
        ----------
        file
            A feed in any layout `arv assess` reads. ``NAME.coverage.csv`` beside ``NAME.csv``
            goes with it.
        coverage
            The file that states what the feed covers, where it has another name.
        report_rejected
            Take the sound rows and keep why others were not, instead of refusing the file.
        drop_personal_columns
            Drop columns of personal data unread, instead of refusing the file.
        """
        beside = coverage or file.with_name(f"{file.stem}.coverage.csv")
        files = [("file", file)] + ([("coverage", beside)] if beside.is_file() else [])
        fields = {
            "report_rejected": report_rejected,
            "drop_personal_columns": drop_personal_columns,
        }
        return receipt_of(self._exchange.post("/feeds", form_body(fields, files)).json())

    def freshness(self) -> list[Mapping[str, Any]]:
        """Return how recent each feed in use is."""
        feeds: list[Mapping[str, Any]] = self._exchange.get("/feeds").json()["feeds"]
        return feeds

    def receipts(self) -> Iterator[Receipt]:
        """Yield the receipts of the files taken in, the latest first."""
        for page in pages(self._exchange, "/feeds"):
            yield from map(receipt_of, page["receipts"])

    def receipt(self, receipt_id: str) -> Receipt:
        """Return one receipt."""
        return receipt_of(self._exchange.get(f"/feeds/{segment(receipt_id)}").json())

    def rejected(self, receipt_id: str) -> pd.DataFrame:
        """Return the rows of a file that were not accepted, with reason and remedy."""
        return _table(self._exchange, f"/feeds/{segment(receipt_id)}/rejected")

    def incidents(
        self,
        *,
        known_on: date | str | None = None,
        bbox_m: Box | None = None,
        borough: str | None = None,
        sources: Sequence[str] = (),
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the incidents that stood on a day, those the account may see.

        Parameters
        ----------
        known_on
            What was known before 00:00 (Europe/London) of this day; by default all known now.
        bbox_m
            West, south, east, north in metres, EPSG:27700.
        borough
            Code of a borough.
        sources
            Only of these sources.
        """
        query = {
            "known_on": known_on,
            "bbox": corners(bbox_m),
            "borough": borough,
            "source": list(sources),
        }
        for page in pages(self._exchange, "/incidents", query):
            yield from page["incidents"]


class Assessments:
    """Risk assessments: made from files or from the store, and read."""

    def __init__(self, exchange: Exchange, jobs: Jobs) -> None:
        self._exchange = exchange
        self._jobs = jobs

    def make(
        self,
        as_of: date | str,
        *,
        incidents: Sequence[Path] = (),
        counts: Sequence[Path] = (),
        policy: Path | None = None,
        **options: object,
    ) -> Assessed:
        """Assess the files in use in the store, or the files given, and make it current.

        Parameters
        ----------
        as_of
            First day not yet known.
        incidents, counts
            Files to assess instead of the store's; ``NAME.coverage.csv`` beside one goes with it.
        policy
            Evidence policy (TOML); by default the bundled one.
        **options
            ``seed``, ``classification``, ``report_rejected``, ``drop_personal_columns``.
        """
        files = [("incidents", one) for path in incidents for one in _with_coverage(path)]
        files += [("counts", one) for path in counts for one in _with_coverage(path)]
        fields = {"as_of": as_of, "from_store": not files, **options}
        files += [("policy", policy)] if policy else []
        answer = self._jobs.run("/assessment", form_body(fields, files))
        return assessed_of(answer.json())

    def list(self) -> Iterator[Mapping[str, Any]]:
        """Yield the assessments that are stored, the latest first, each in a few figures."""
        for page in pages(self._exchange, "/assessments"):
            yield from page["assessments"]

    def summary(self, assessment_id: str) -> Mapping[str, Any]:
        """Return an assessment in a few figures."""
        path = f"/assessments/{segment(assessment_id)}"
        found: Mapping[str, Any] = self._exchange.get(path).json()
        return found

    def get(self, assessment_id: str | None = None) -> Mapping[str, Any]:
        """Return an assessment, by default the current one, as its document."""
        found: Mapping[str, Any] = self._exchange.get("/assessment", {"id": assessment_id}).json()
        return found

    def map(self, assessment_id: str | None = None) -> str:
        """Return the map of an assessment, one HTML file that needs no network."""
        query = {"id": assessment_id}
        return self._exchange.get("/assessment", query, accept="text/html").content.decode("utf-8")

    def table(
        self,
        name: Literal["wards", "boroughs", "rejected"],
        assessment_id: str | None = None,
    ) -> pd.DataFrame:
        """Return the ranked wards or boroughs, or the refused rows."""
        return _table(self._exchange, f"/assessment/{segment(name)}.csv", {"id": assessment_id})


def _with_coverage(path: Path) -> list[Path]:
    beside = path.with_name(f"{path.stem}.coverage.csv")
    return [path, beside] if beside.is_file() else [path]


def _table(
    exchange: Exchange, path: str, query: Mapping[str, object] | None = None
) -> pd.DataFrame:
    """Return a CSV answer as a table of text and numbers, with its marking in ``attrs``."""
    import pandas as pd  # noqa: PLC0415  (a script that needs no table starts without it)

    answer = exchange.get(path, query, accept="text/csv")
    table = pd.read_csv(io.BytesIO(answer.content))
    table.attrs["marking"] = answer.marking
    return table
