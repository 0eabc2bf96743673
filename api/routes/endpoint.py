"""An endpoint and the action it stands for, in one value: none can be written without one."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from api.access import Action
from api.audit.entry import Operation
from api.problems import Problem, http_problem


class _Whole(IntegerConvertor):
    """A whole number in an address: Python reads none of thousands of digits, and fails."""

    regex = "[0-9]{1,19}"


register_url_convertor("int", _Whole())

Handler = Callable[..., Awaitable[Response]]


@dataclass(frozen=True)
class Endpoint:
    """One method at one path.

    Attributes
    ----------
    action
        What a request to it sets out to do; :mod:`api.access` has the rule.
    upload
        True when it takes files, and so the larger body limit.
    form
        True when it is a form of our own pages: the form token is in the body and checked by
        the handler; otherwise a browser session must send it in the X-CSRF-Token header.
    operation
        What it does to sensitive records, for the audit record; ``None`` when it touches none.
    borough
        Name of the path parameter that says which borough it is about, if it is about one.
    own_boroughs
        True when it gives a borough user what lies in their own boroughs and nothing else.
    shown
        True when it belongs to the published interface (``/openapi.json``).
    responses, request_body
        What the interface says of its answers and of a body that FastAPI does not derive.
    """

    method: str
    path: str
    action: Action
    handler: Handler
    summary: str
    tag: str = "service"
    status: int = 200
    upload: bool = False
    form: bool = False
    operation: Operation | None = None
    borough: str = ""
    own_boroughs: bool = False
    shown: bool = True
    responses: Mapping[int | str, dict[str, Any]] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The path as the interface describes it, without what Starlette converts."""
        return re.sub(r":[a-z]+}", "}", self.path)


def add_endpoints(app: FastAPI, endpoints: tuple[Endpoint, ...]) -> None:
    """Add endpoints to an application and keep their declarations on it for the gate."""
    app.state.endpoints = {(one.method, one.path): one for one in endpoints}
    for one in endpoints:
        app.add_api_route(
            one.path,
            one.handler,
            methods=[one.method],
            summary=one.summary,
            tags=[one.tag],
            status_code=one.status,
            response_class=Response,
            responses=dict(one.responses),
            include_in_schema=one.shown,
            openapi_extra={"x-action": str(one.action), **one.extra},
        )


def matched_route(app: FastAPI, scope: Scope) -> BaseRoute | None:
    """Return the route that will answer a request, if one will."""
    for route in app.router.routes:
        match, _ = route.matches(scope)
        if match is Match.FULL:
            return route
    return None


def methods_at(app: FastAPI, scope: Scope) -> tuple[str, ...]:
    """Return every method offered at the path of a request, sorted; HEAD goes with GET.

    A path written out in full is an address of its own, though a template would fit it as well:
    `/plans/fall-back` is no plan.
    """
    fitting = [route for route in app.router.routes if route.matches(scope)[0] is not Match.NONE]
    own = [route for route in fitting if getattr(route, "path", "") == scope["path"]]
    found: set[str] = set()
    for route in own or fitting:
        found |= getattr(route, "methods", None) or set()
    return tuple(sorted(found | ({"HEAD"} if "GET" in found else set())))


def not_offered(app: FastAPI, scope: Scope) -> Problem:
    """Return the problem of a method that is not offered at the path of a request."""
    allow = ", ".join(methods_at(app, scope))
    words = f"{scope['method'][:20]!r} is not offered here. Remedy: use {allow}."
    return http_problem(405, words, {"Allow": allow})


def declared(app: FastAPI, route: BaseRoute, method: str) -> Endpoint | None:
    """Return the declaration of a route, or ``None`` when it was added behind the table's back."""
    endpoints: Mapping[tuple[str, str], Endpoint] = app.state.endpoints
    one = endpoints.get((method, str(getattr(route, "path", ""))))
    return one if one is not None and getattr(route, "endpoint", None) is one.handler else None
