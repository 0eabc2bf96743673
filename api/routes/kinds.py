"""The kinds of work that can be a job, by name."""

from __future__ import annotations

from collections.abc import Mapping

from api.jobs.kind import JobKind
from api.routes.allocate import PLACEMENT
from api.routes.assessment import ASSESSING
from api.routes.compare import COMPARING, DIVERSIFYING
from api.routes.replan import REPLANNING
from api.routes.simulate import SIMULATING
from api.routes.tpu import ROSTERING

_KINDS = (PLACEMENT, ASSESSING, REPLANNING, SIMULATING, COMPARING, DIVERSIFYING, ROSTERING)
JOB_KINDS: Mapping[str, JobKind] = {kind.name: kind for kind in _KINDS}
