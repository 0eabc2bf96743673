"""Read a `plan.json` back, for example last week's."""

from __future__ import annotations

import json
from pathlib import Path

from allocator.errors import PlanningRefusedError
from allocator.plan import PatrolPlan, from_document

REMEDY = "pass the plan.json that `arv allocate` wrote"
MAX_BYTES = 16 * 2**20


def read_plan(path: Path) -> PatrolPlan:
    """Return the plan in a file.

    Raises
    ------
    PlanningRefusedError
        When the file is missing, too large, not JSON or not a plan.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PlanningRefusedError(f"{path} is larger than {MAX_BYTES} bytes", remedy=REMEDY)
        return from_document(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as fault:
        raise PlanningRefusedError(f"the plan {path} is not there", remedy=REMEDY) from fault
    except (ValueError, RecursionError) as fault:
        raise PlanningRefusedError(
            f"{path} is not a JSON document ({str(fault)[:120]})", remedy=REMEDY
        ) from fault
