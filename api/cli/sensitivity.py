"""`arv sensitivity`: how much of a week's picture is evidence, and how much is choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import typer

from api import week as weekly
from api.calendar_day import parse_day
from api.cli.app import arv
from api.cli.arguments import parse_classification
from api.cli.options import (
    AsOf,
    Boroughs,
    Classification,
    Counts,
    Incidents,
    Json,
    Policy,
    ReportRejected,
    Seed,
    Wards,
)
from api.cli.progress import progress_bars
from api.files.output import write_json
from api.files.policy_file import read_policy
from hotspots.assessment import RiskAssessment
from hotspots.feeds.reader import ReadOptions
from hotspots.sensitivity import RankMove, SensitivityRow, sensitivity_panel

SCHEMA_VERSION = "1"


@arv.command()
def sensitivity(
    *,
    as_of: AsOf,
    incidents: Incidents = None,
    counts: Counts = None,
    policy: Policy = None,
    wards: Wards = None,
    boroughs: Boroughs = None,
    seed: Seed = 0,
    classification: Classification = "OFFICIAL-SENSITIVE",
    report_rejected: ReportRejected = False,
    json_file: Json = None,
) -> None:
    """Assess a week again under twelve what-ifs, and show who stays at the top.

    Fewer reports, other grades, shorter and longer memory, more and no intelligence, another
    kernel, other boundaries: one change at a time, each small enough to be plausible. Where the
    top of the table moves much, the choice matters more than the evidence. Takes about twelve
    times as long as `arv assess`.

    Example: `arv sensitivity --as-of 2026-11-23 --incidents week.csv --counts dashboard.csv`
    """
    day = parse_day(as_of, "--as-of")
    marking = parse_classification(classification)
    area, rules = weekly.study_area(wards, boroughs), read_policy(policy)
    options = ReadOptions(on_rejected="report" if report_rejected else "refuse")
    with progress_bars() as progress:
        paths = [*(incidents or []), *(counts or [])]
        readings = weekly.read_feeds(paths, area, options, progress)
        base = weekly.assess(
            readings, area, as_of=day, policy=rules, seed=seed, classification=marking
        )
        rows = sensitivity_panel(
            readings, area, as_of=day, policy=rules, seed=seed, base=base, progress=progress
        )
    write_json(json_file, _document(base.assessment, rows))
    if json_file != "-":
        typer.echo(table(rows))


def _document(base: RiskAssessment, rows: Sequence[SensitivityRow]) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "assessment_id": base.assessment_id,
        "as_of": base.as_of.isoformat(),
        "classification": base.classification,
        "notice": base.notice,
        "handling_code": base.handling_code,
        "boundary_name": base.boundary_name,
        "policy_version": base.policy_version,
        "policy_sha256": base.policy_sha256,
        "inputs_sha256": base.inputs_sha256,
        "seed": base.seed,
        "changes": [asdict(row) for row in rows],
    }


def table(rows: Sequence[SensitivityRow]) -> str:
    """Return the panel as lines for people: shares kept at the top, then who moves where."""
    width = max(len(row.what) for row in rows)
    head = f"{'rank corr.':>10} {'top tenth':>9} {'top cells':>9} {'tiers':>7}  borough moving most"
    lines = [f"{'what if':{width}} {head}"]
    for row in rows:
        tiers = str(row.tiers_changed) if row.tiers_compared else "-"
        moved = row.moved_from != row.moved_to
        most = f"{row.largest_move}, {row.moved_from} to {row.moved_to}" if moved else "none moves"
        lines.append(
            f"{row.what:{width}} {row.ward_rank_correlation:10.2f} {row.top_wards_kept:9.0%} "
            f"{row.top_cells_kept:9.0%} {tiers:>7}  {most}"
        )
    lines += _moves("wards", width, [(row.what, row.top_wards) for row in rows])
    lines += _moves("boroughs", width, [(row.what, row.top_boroughs) for row in rows])
    return "\n".join(lines)


def _moves(kind: str, width: int, rows: Sequence[tuple[str, tuple[RankMove, ...]]]) -> list[str]:
    followed = rows[0][1]
    names = "; ".join(f"{one.rank} {one.name}" for one in followed)
    lines = ["", f"ranks of the {len(followed)} highest {kind} under each change: {names}"]
    return [
        *lines,
        *(
            f"{what:{width}} " + " ".join(f"{one.rank_after:4d}" for one in moves)
            for what, moves in rows
        ),
    ]
