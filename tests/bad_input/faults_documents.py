"""Faults of fleets, policies, plans and assessment folders."""

from __future__ import annotations

import pyarrow as pa

from tests.bad_input import good_files as good
from tests.bad_input.corpus import (
    DEEP,
    GIGABYTE,
    PNG,
    Fault,
    assessment,
    edited,
    emptied,
    fault,
    folder_named,
    grown,
    json_with,
    parquet_bomb,
    parquet_of,
    pipe,
    piped,
    replaced,
    sparse,
)

LONG_NUMBER, LONG_HEX = "9" * 5_000, "0x" + "f" * 5_000
FLEET = good.fleet_toml().decode()
FLEETS = (
    fault("fleet", "empty", "f.toml", "", "service_standard_s"),
    fault("fleet", "no units", "f.toml", FLEET.split("[[")[0], "0 units"),
    fault("fleet", "deep", "f.toml", b"a=" + DEEP, "nested too deeply"),
    fault("fleet", "NaN standard", "f.toml", FLEET.replace("540", "nan"), "nan"),
    fault("fleet", "standard of 0", "f.toml", FLEET.replace("540", "0"), "service_standard_s", "0"),
    fault("fleet", "standard of a century", "f.toml", FLEET.replace("540", "3155760000"), "86400"),
    fault("fleet", "5,000 digits", "f.toml", FLEET.replace("540", LONG_NUMBER), "4300"),
    fault("fleet", "20,000 bits", "f.toml", FLEET.replace("540", LONG_HEX), "20,000 bits"),
    fault("fleet", "no UTF-8", "f.toml", FLEET.encode() + b"\xff", "UTF-8"),
    fault(
        "fleet", "terminal commands", "f.toml", FLEET.replace("ARV-01", "\\u001b[2J"), "\\x1b[2J"
    ),
    fault(
        "fleet", "unknown borough", "f.toml", FLEET.replace("[]", '["E09000099"]', 1), "E09000099"
    ),
    Fault("one gigabyte", "fleet", sparse("f.toml", GIGABYTE), ("limit",)),
    Fault("a pipe", "fleet", pipe("f.toml"), ("no regular file",)),
    Fault("a folder", "fleet", folder_named("f.toml"), ("Remedy",)),
)
POLICY = good.good_files()["policy/toml"][1].decode()
POLICIES = (
    fault("policy", "empty", "p.toml", "", "grades"),
    fault("policy", "deep", "p.toml", b"a=" + DEEP, "nested too deeply"),
    fault(
        "policy",
        "400 digits",
        "p.toml",
        POLICY.replace("memory_days =", "memory_days = " + "9" * 400 + " #", 1),
        "memory_days",
    ),
    fault(
        "policy",
        "20,000 bits",
        "p.toml",
        POLICY.replace("memory_days =", f"memory_days = {LONG_HEX} #", 1),
        "20,000 bits",
    ),
    fault(
        "policy",
        "infinite",
        "p.toml",
        POLICY.replace("memory_days =", "memory_days = inf #", 1),
        "inf",
    ),
    fault("policy", "JSON", "p.toml", "{}", "TOML"),
    fault("policy", "PNG", "p.toml", PNG, "UTF-8"),
    Fault("one gigabyte", "policy", sparse("p.toml", GIGABYTE), ("limit",), False),
    Fault("a pipe", "policy", pipe("p.toml"), ("no regular file",), False),
    Fault("a folder", "policy", folder_named("p.toml"), ("Remedy",), False),
)
PLAN = good.plan_json()
PLANS = (
    fault("plan", "empty", "plan.json", "", "JSON"),
    fault("plan", "deep", "plan.json", DEEP, "JSON"),
    fault("plan", "a list", "plan.json", b"[]", "list"),
    fault("plan", "400 digits", "plan.json", json_with(PLAN, objective=10**400), "objective"),
    fault("plan", "NaN", "plan.json", json_with(PLAN, bound=float("nan")), "bound"),
    fault("plan", "missing key", "plan.json", PLAN.replace(b'"gap"', b'"hole"', 1), "gap"),
    fault("plan", "another schema", "plan.json", json_with(PLAN, schema_version="9"), "'9'"),
    Fault("one gigabyte", "plan", sparse("plan.json", GIGABYTE), ("limit",)),
    Fault("a pipe", "plan", pipe("plan.json"), ("no regular file",)),
    Fault("a folder", "plan", folder_named("plan.json"), ("Remedy",)),
)
DOCUMENT, DRAWS, CELLS = "assessment.json", "draws.parquet", "cells.parquet"
ASSESSMENTS = (
    Fault("no folder", "assessment", lambda folder: folder / "none", ("not there",)),
    Fault("a file", "assessment", sparse("assessed", 10), ("not there",)),
    assessment("deep", edited(DOCUMENT, lambda _: DEEP), "JSON"),
    assessment("a list", edited(DOCUMENT, lambda _: b"[]"), "Remedy"),
    assessment(
        "wards that are none", edited(DOCUMENT, lambda _: b'{"wards": [1, null]}'), "Remedy"
    ),
    assessment("wards that are a number", edited(DOCUMENT, lambda _: b'{"wards": 7}'), "Remedy"),
    assessment(
        "NaN", edited(DOCUMENT, replaced('"horizon_days": 7', '"horizon_days": NaN')), "NaN"
    ),
    assessment(
        "400 digits", edited(DOCUMENT, replaced('"seed": 1', '"seed": 1' + "0" * 400)), "Remedy"
    ),
    assessment(
        "one figure altered",
        edited(DOCUMENT, replaced('"horizon_days": 7', '"horizon_days": 8')),
        "assessment_id",
    ),
    assessment("a pipe for the document", piped(DOCUMENT), "no regular file"),
    assessment("a pipe for the draws", piped(DRAWS), "no regular file"),
    assessment("a pipe for the cells", piped(CELLS), "no regular file"),
    assessment("draws cut short", edited(DRAWS, lambda c: c[:-50]), "Parquet"),
    assessment("draws that are a bomb", edited(DRAWS, lambda _: parquet_bomb()), "limit"),
    assessment(
        "draws of text",
        edited(DRAWS, lambda _: parquet_of(pa.table({"E05009367": ["x"]}))),
        "columns",
    ),
    assessment("cells that are NaN", edited(CELLS, emptied("x_m", float("nan"))), "row 1", "x_m"),
    assessment("cells below zero", edited(CELLS, emptied("expected_per_week", -1.0)), "row 1"),
    assessment("cells of one gigabyte", grown(CELLS, GIGABYTE), "limit"),
)
