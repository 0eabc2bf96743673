"""What the system of record refuses: one class a kind of refusal, each with its remedy.

:mod:`api.problems` gives each a status; the command line prints the same words.
"""

from __future__ import annotations

from hotspots.errors import InputRefusedError


class AccessDeniedError(InputRefusedError):
    """The rules of :mod:`api.access` do not allow it (403)."""


class CredentialRefusedError(InputRefusedError):
    """A password, key or identity token is wrong, expired or not for this service (401)."""


class AccountRefusedError(InputRefusedError):
    """An account, its name, its roles or its password cannot be as asked (422)."""


class UnknownAccountError(AccountRefusedError):
    """There is no such account or key (404)."""


class AccountConflictError(AccountRefusedError):
    """Another account, or the state of this one, forbids the change (409)."""


class PlanLifeRefusedError(InputRefusedError):
    """A step in the life of a plan lacks something it needs (422)."""


class PlanConflictError(InputRefusedError):
    """The plan, or another plan of its week, is in a state that forbids the step (409)."""


class PlanChangedError(InputRefusedError):
    """The plan changed since it was read (412)."""


class EqualityRefusedError(InputRefusedError):
    """A file of area characteristics cannot be used (422)."""


class AuditRefusedError(InputRefusedError):
    """An entry, a key or an anchor of the audit record cannot be used (422)."""
