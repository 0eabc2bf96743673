"""The verdict as a file beside the plan: the figures, and the words a page shows of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from allocator.errors import PlanDocumentRefusedError
from allocator.verdict import Verdict, verdict_document
from api.marking import marking_of
from api.plans.verdict_view import VerdictRow, VerdictView, verdict_view
from hotspots.assessment import RiskAssessment
from hotspots.errors import FeedRefusedError
from hotspots.feeds.whole_file import read_whole_text

VERDICT = "verdict.json"
MAX_BYTES = 4 * 2**20
REMEDY = "make the plan again with `arv allocate`, which writes its verdict beside it"


def verdict_body(verdict: Verdict, assessment: RiskAssessment) -> dict[str, Any]:
    """Return what ``verdict.json`` holds: figures, marking, and everything in words."""
    return {
        **marking_of(assessment).document(),
        **verdict_document(verdict),
        "in_words": asdict(verdict_view(verdict)),
    }


def read_verdict_view(path: Path) -> VerdictView:
    """Return the words of a verdict file.

    Raises
    ------
    PlanDocumentRefusedError
        The file is not there or not a verdict.
    """
    try:
        words = json.loads(read_whole_text(path, max_bytes=MAX_BYTES))["in_words"]
        return VerdictView(
            headline=str(words["headline"]),
            sentences=tuple(str(line) for line in words["sentences"]),
            rows=tuple(VerdictRow(**row) for row in words["rows"]),
            basis=str(words["basis"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError, FeedRefusedError) as fault:
        raise PlanDocumentRefusedError(
            f"{path.name} is not a verdict ({str(fault)[:120]})", remedy=REMEDY
        ) from fault
