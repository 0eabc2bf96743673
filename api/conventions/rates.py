"""How much one caller may ask in a minute, counted over all processes of the service.

Somebody known is counted by name, everybody else by address. The address is that of the
connection; what ``X-Forwarded-For`` says counts only from a proxy that was declared.
"""

from __future__ import annotations

import logging
import sqlite3
import time

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter
from starlette.types import Scope

from api.access import Actor
from api.conventions.shared_counts import PREFIX
from api.problems import Problem, ProblemError, http_problem
from api.service import Service
from api.settings import Limits

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

log = logging.getLogger("arv.access")


def check_rate(scope: Scope, service: Service) -> None:
    """Count a request, whatever will be answered; the caller is in its state where known.

    Where the counts cannot be kept the request goes on: a rate is no reason to stop the work.

    Raises
    ------
    ProblemError
        429 when it is one too many.
    """
    if problem := _over_rate(scope, service):
        raise ProblemError(problem)


def _over_rate(scope: Scope, service: Service) -> Problem | None:
    storage = service.counts
    if storage is None:
        return None
    item, caller = _allowance(scope, service.settings.limits), _caller(scope)
    limiter = FixedWindowRateLimiter(storage)
    try:
        if limiter.hit(item, caller):
            return None
        until_s = limiter.get_window_stats(item, caller).reset_time
    except sqlite3.Error:
        log.exception("requests could not be counted")
        return None
    return _too_many(item, max(1, round(until_s - time.time())))


def _allowance(scope: Scope, limits: Limits) -> RateLimitItem:
    if scope["method"] in SAFE_METHODS:
        return RateLimitItemPerMinute(limits.reads_per_minute, namespace=f"{PREFIX}/read")
    return RateLimitItemPerMinute(limits.changes_per_minute, namespace=f"{PREFIX}/change")


def _caller(scope: Scope) -> str:
    actor: Actor | None = scope.get("state", {}).get("actor")
    if actor is not None and actor.known:
        return f"name/{actor.name}"
    client = scope.get("client")
    return f"address/{client[0] if client else 'unknown'}"


def _too_many(item: RateLimitItem, wait_s: int) -> Problem:
    kind = "reads" if item.namespace.endswith("read") else "changes"
    return http_problem(
        429,
        f"more than {item.amount} {kind} a minute were asked for. Remedy: wait {wait_s} s, then "
        "ask less often.",
        {"Retry-After": str(wait_s)},
    )
