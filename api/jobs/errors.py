"""What the jobs refuse: one class a kind of refusal; :mod:`api.problems` gives each a status."""

from __future__ import annotations

from hotspots.errors import InputRefusedError


class JobOverError(InputRefusedError):
    """The job has ended, so it cannot be stopped (409)."""


class JobNotOverError(InputRefusedError):
    """The job has not ended, so it has no results yet (409)."""


class JobsFullError(InputRefusedError):
    """Too many jobs are waiting already (429)."""
