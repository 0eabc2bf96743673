"""Read a `plan.json` back, for example last week's."""

from __future__ import annotations

import json
from pathlib import Path

from allocator.errors import PlanDocumentRefusedError
from allocator.plan import PatrolPlan, from_document
from hotspots.errors import FeedRefusedError
from hotspots.feeds.whole_file import read_whole_text

REMEDY = "pass the plan.json that `arv allocate` wrote"
MAX_BYTES = 16 * 2**20


def read_plan(path: Path) -> PatrolPlan:
    """Return the plan in a file.

    Raises
    ------
    PlanDocumentRefusedError
        When the file is missing, too large, not JSON or not a plan.
    """
    try:
        text = read_whole_text(path, max_bytes=MAX_BYTES)
    except FeedRefusedError as fault:
        raise PlanDocumentRefusedError(
            f"the plan {path.name} cannot be read: {fault.problem}",
            remedy=f"{fault.remedy}; {REMEDY}",
        ) from fault
    try:
        return from_document(json.loads(text))
    except (ValueError, RecursionError) as fault:
        raise PlanDocumentRefusedError(
            f"{path.name} is not a JSON document ({str(fault)[:120]})", remedy=REMEDY
        ) from fault
