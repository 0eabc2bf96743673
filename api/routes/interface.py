"""The description of the interface: for programs as OpenAPI, for people as a plain page."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.access import Action
from api.pages.interface_view import operations
from api.pages.rendering import page
from api.routes.completion import complete, security_schemes
from api.routes.documents import ProblemDocument
from api.routes.endpoint import Endpoint
from api.routes.forms import frame
from api.routes.operation_links import add_links
from api.service import Service

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
        service: Service = app.state.service
        components["securitySchemes"] = security_schemes(behind_proxy=service.settings.behind_proxy)
        complete(document, issuer=service.issuer is not None)
        add_links(document["paths"])
        app.openapi_schema = document
    return app.openapi_schema


async def read_interface(request: Request) -> Response:
    """Return the OpenAPI document; it takes a second to make, so off the event loop."""
    return await asyncio.to_thread(lambda: JSONResponse(interface_document(request.app)))


async def show_interface(request: Request) -> Response:
    """Show the interface as a page that needs no script and no network."""
    return await asyncio.to_thread(_interface_page, request.app, frame(request))


def _interface_page(app: FastAPI, framed: Mapping[str, object]) -> Response:
    document = interface_document(app)
    values = {**framed, "about": document["info"], "operations": operations(document)}
    return page("interface.html", values)


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
