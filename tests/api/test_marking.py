"""Every output of a week says how it is marked, which run made it, and how fresh it is."""

from __future__ import annotations

import csv
import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pypdf
import pytest

from api.cli import run
from api.files.assessment_folder import read as read_assessment
from api.marking import SIDECAR, UNKNOWN, Marking, marking_of
from api.plans.file import read_plan

#: How each kind of file carries the marking: itself, or through the sidecar beside it.
BY_SIDECAR = {"plan.json", ".csv"}


@pytest.fixture(scope="module")
def marking(demo_folder: Path) -> Marking:
    folder = read_assessment(demo_folder)
    return marking_of(folder.assessment, read_plan(demo_folder / "plan.json"))


def said_by_json(path: Path) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return body


def check(path: Path, wanted: dict[str, str]) -> str:
    """Check one file and return how it carried the marking."""
    if path.name in BY_SIDECAR or path.suffix in BY_SIDECAR:
        beside = said_by_json(path.with_name(SIDECAR))
        assert beside["covers"] == "every file of this folder"
        assert {name: beside[name] for name in wanted} == wanted
        if path.suffix == ".csv" and path.name != "rejected.csv":
            with path.open(newline="") as lines:
                first = next(csv.DictReader(lines))
            for name in ("classification", "notice", "assessment_id"):
                assert first[name] == wanted[name], path.name
        return "sidecar"
    if path.suffix in {".json", ".geojson"}:
        body = said_by_json(path)
        for name in ("classification", "notice"):
            assert body[name] == wanted[name], (path.name, name)
        if path.name not in {"assessment.json"}:
            assert body["policy_version"] == wanted["policy_version"], path.name
            assert body["evidence_until"] == wanted["evidence_until"], path.name
        return "member"
    if path.suffix == ".parquet":
        kept = pq.read_schema(path).metadata
        for name in (
            "classification",
            "assessment_id",
            "policy_version",
            "evidence_until",
            "as_of",
        ):
            assert kept[f"arv.{name}".encode()].decode() == wanted[name], (path.name, name)
        return "metadata"
    if path.suffix == ".html":
        text = path.read_text("utf-8")
        for name in ("classification", "notice", "assessment_id", "plan_id", "evidence_until"):
            assert wanted[name] in text, name
        assert f"policy {wanted['policy_version']}" in text
        return "text"
    assert path.suffix == ".pdf", f"{path.name} is of a kind this test does not know"
    reader = pypdf.PdfReader(path)
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    about = str(reader.metadata.subject if reader.metadata else "")
    for name in ("classification", "notice", "assessment_id", "plan_id"):
        assert wanted[name] in text.replace(" ", "") or wanted[name] in text, name
        assert wanted[name] in about, name
    for name in ("policy_version", "evidence_until"):
        assert wanted[name] in about, name
    return "text and metadata"


def test_every_file_of_the_demo_carries_the_marking(demo_folder: Path, marking: Marking) -> None:
    wanted = marking.document()
    assert wanted["evidence_until"] != UNKNOWN
    assert wanted["evidence_until"] < wanted["as_of"]
    ways = {path.name: check(path, wanted) for path in sorted(demo_folder.iterdir())
            if path.name != SIDECAR}  # fmt: skip
    assert len(ways) >= 14
    assert set(ways.values()) == {
        "sidecar", "member", "metadata", "text", "text and metadata",
    }  # fmt: skip


def test_an_assessment_alone_has_its_sidecar_too(tmp_path: Path, demo_folder: Path) -> None:
    words = ["allocate", "--assessment", str(demo_folder), "--fleet", "examples/fleet.toml",
             "--out", str(tmp_path / "plan"), "--time-limit-s", "20"]  # fmt: skip
    if run(words) != 0:
        pytest.fail("arv allocate was refused")
    beside = said_by_json(tmp_path / "plan" / SIDECAR)
    plan = said_by_json(tmp_path / "plan" / "plan.json")
    assert beside["plan_id"] == plan["plan_id"]
    assert beside["assessment_id"] == plan["assessment_id"]


def test_headers_hold_every_field_and_only_plain_characters(marking: Marking) -> None:
    headers = marking.headers()
    assert len(headers) == len(fields(Marking))
    odd = replace(marking, classification="OFFICIAL\r\nX-Evil: 1 é", notice="")
    told = odd.headers()
    assert "X-Notice" not in told
    assert told["X-Classification"] == "OFFICIAL??X-Evil: 1 ?"
    assert marking.plan_id in marking.run_line()
