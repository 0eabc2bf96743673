"""The description of the interface: for programs as OpenAPI, for people as a plain page."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.access import ANONYMOUS, Action, Resource, decide
from api.pages.interface_view import operations
from api.pages.rendering import page
from api.routes.documents import COMMON, ProblemDocument, problem
from api.routes.endpoint import Endpoint

VERSION = "1"
DESCRIPTION = (
    "Weekly tasking of armed response vehicles: the scored wards, the plan of a week, and a new "
    "plan on request. Every error is application/problem+json."
)


def interface_document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, made once: answers, problems and who may call what."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=VERSION, description=DESCRIPTION, routes=app.router.routes
        )
        components = document.setdefault("components", {})
        components.setdefault("schemas", {})["ProblemDocument"] = ProblemDocument.model_json_schema(
            ref_template="#/components/schemas/{model}"
        )
        components["schemas"].pop("HTTPValidationError", None)
        components["schemas"].pop("ValidationError", None)
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for methods in document["paths"].values():
            for method, operation in methods.items():
                _complete(operation)
                if method == "post":
                    _offer_key(operation)
        app.openapi_schema = document
    return app.openapi_schema


async def read_interface(request: Request) -> Response:
    """Return the OpenAPI document."""
    return JSONResponse(interface_document(request.app))


async def show_interface(request: Request) -> Response:
    """Show the interface as a page that needs no script and no network."""
    return await asyncio.to_thread(_interface_page, request.app)


def _interface_page(app: FastAPI) -> Response:
    document = interface_document(app)
    return page("interface.html", {"about": document["info"], "operations": operations(document)})


def _complete(operation: dict[str, Any]) -> None:
    """Add the problems an operation may answer with, and the token it needs."""
    action = Action(operation["x-action"])
    answers = operation["responses"]
    answers.pop("422", None)
    if decide(ANONYMOUS, action, Resource("operation")).allowed:
        operation["security"] = []
        return
    operation["security"] = [{"token": []}]
    operation["responses"] = dict(
        sorted({**{str(code): one for code, one in COMMON.items()}, **answers}.items())
    )


def _offer_key(operation: dict[str, Any]) -> None:
    """Add the header under which a request is done only once, and what it may be refused for."""
    operation.setdefault("parameters", []).append(
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "Sent again with the same key within a day, the request is not done "
            "twice: it has the first one's answer, marked Idempotency-Replayed.",
            "schema": {"type": "string", "pattern": "^[!#-~]{1,128}$", "maxLength": 128},
        }
    )
    operation["responses"].setdefault("400", problem("The Idempotency-Key cannot be read."))
    operation["responses"].setdefault("409", problem("The first request is still being done."))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/openapi.json",
        Action.READ_INTERFACE,
        read_interface,
        "The interface as OpenAPI",
        shown=False,
    ),
    Endpoint(
        "GET",
        "/docs",
        Action.READ_INTERFACE,
        show_interface,
        "The interface as a page",
        shown=False,
    ),
)
