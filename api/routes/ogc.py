"""OGC API Features: wards, boroughs, hot spots, patrol areas and incidents for a GIS."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Path as InPath
from starlette.requests import Request
from starlette.responses import Response

from api.access import Action, Resource, decide
from api.ogc import incidents, patrol_areas
from api.ogc.crs import Crs
from api.ogc.documents import (
    CONFORMS_TO,
    GEOJSON,
    JSON,
    OPENAPI,
    ROOT,
    as_json,
    collection,
    collections,
    item,
    items,
    landing,
)
from api.ogc.ground import ground_of
from api.ogc.interface import CRS, FORM, ITEMS_PARAMETERS, interface
from api.ogc.layers import Found, Layer, boroughs, hot_spots, wards, whole
from api.ogc.query import check_plain, item_crs, items_query
from api.problems import ProblemError, http_problem
from api.routes.documents import problem
from api.routes.endpoint import Endpoint, Handler
from api.routes.stored import with_etag
from api.service import service_of

LAYERS = (
    whole(
        "wards", "Wards", "Wards with the figures of the current assessment.",
        Action.READ_BOROUGH, wards,
    ),
    whole(
        "boroughs", "Boroughs", "Boroughs with the figures of the current assessment.",
        Action.READ_BOROUGH, boroughs,
    ),
    whole(
        "hot-spots", "Hot spots", "Outlines of the hot spots of the current assessment.",
        Action.READ_ASSESSMENT, hot_spots,
    ),
    Layer(
        "patrol-areas", "Patrol areas",
        "The patrol area of every unit and week, with the state of its plan.",
        Action.READ_PLAN, patrol_areas.page, patrol_areas.find,
    ),
    Layer(
        "incidents", "Incidents", "Records that stand, for those who may read them.",
        Action.READ_INCIDENT, incidents.page, incidents.find,
    ),
)  # fmt: skip
FeatureId = Annotated[str, InPath(max_length=80, description="Id of the feature.")]


async def show_landing(request: Request) -> Response:
    """Return the page a GIS starts from."""
    check_plain(request)
    return _answer(landing(request))


async def show_interface(request: Request) -> Response:
    """Return the interface as OpenAPI 3.0."""
    check_plain(request)
    base = str(request.base_url).rstrip("/")
    return _answer(interface(base, LAYERS), OPENAPI)


async def show_conformance(request: Request) -> Response:
    """Return the requirement classes that are kept."""
    check_plain(request)
    return _answer({"conformsTo": list(CONFORMS_TO)})


async def show_collections(request: Request) -> Response:
    """Return the collections that the actor may read."""
    check_plain(request)
    actor = request.state.actor
    borough = min(actor.boroughs, default="")
    open_to = [
        one for one in LAYERS
        if decide(actor, one.action, Resource(one.name, borough=_borough(one, borough))).allowed
    ]  # fmt: skip
    ground = await ground_of(service_of(request))
    return _answer(collections(request, open_to, ground))


def _borough(layer: Layer, borough: str) -> str:
    return borough if layer.action in HELD_TO_BOROUGH else ""


def _about(layer: Layer) -> Handler:
    async def read_collection(request: Request) -> Response:
        """Return what a collection says of itself."""
        check_plain(request)
        ground = await ground_of(service_of(request))
        return _answer(collection(request, layer, ground))

    return read_collection


def _page(layer: Layer) -> Handler:
    async def read_items(request: Request) -> Response:
        """Return features of a collection as GeoJSON, a page at a time."""
        query = items_query(request)
        found = await layer.page(request, query)
        return await asyncio.to_thread(
            lambda: _places(request, items(request, layer, found, query.crs), found, query.crs)
        )

    return read_items


def _one(layer: Layer) -> Handler:
    async def read_item(request: Request, feature_id: FeatureId) -> Response:
        """Return one feature of a collection as GeoJSON."""
        crs = item_crs(request)
        found = await layer.find(request, feature_id)
        if not found.features:
            raise ProblemError(
                http_problem(404, f"{layer.name} has no such feature, or none you may read.")
            )
        return await asyncio.to_thread(
            lambda: _places(request, item(request, layer, found.features[0], crs), found, crs)
        )

    return read_item


def _answer(body: Mapping[str, Any], media_type: str = JSON) -> Response:
    return Response(as_json(body), media_type=media_type)


def _places(request: Request, text: str, found: Found, crs: Crs) -> Response:
    """Answer with features, or 304 when the client has just these already."""
    body = text.encode("utf-8")
    headers = {**found.headers, "Content-Crs": f"<{crs.uri}>"}
    etag = hashlib.blake2b(body, digest_size=16).hexdigest()
    return with_etag(request, body, GEOJSON, headers, etag)


#: Of these a borough user gets what lies in their own boroughs.
HELD_TO_BOROUGH = frozenset({Action.READ_BOROUGH, Action.READ_INCIDENT})


def _get(
    path: str,
    action: Action,
    handler: Handler,
    summary: str,
    media_type: str = JSON,
    **more: Any,
) -> Endpoint:
    responses: dict[int | str, dict[str, Any]] = {
        200: {"description": summary, "content": {media_type: {"schema": {"type": "object"}}}},
        400: problem("A parameter is unknown, given twice, or has no such value."),
    }
    if media_type == GEOJSON:
        responses[304] = {"description": "The client has these features already (If-None-Match)."}
    if "{" in path:
        responses[404] = problem("There is no such feature.")
    return Endpoint(
        "GET", f"{ROOT}{path}", action, handler, summary, tag="gis", responses=responses,
        own_boroughs=action in HELD_TO_BOROUGH, **more,
    )  # fmt: skip


def _of_layer(layer: Layer) -> tuple[Endpoint, ...]:
    here, read = f"/collections/{layer.name}", "consultation"
    asked, one = {"parameters": ITEMS_PARAMETERS}, {"parameters": [CRS, FORM]}
    title = layer.title
    return (
        _get(here, layer.action, _about(layer), f"{title}: the collection"),
        _get(
            f"{here}/items", layer.action, _page(layer), f"{title} as GeoJSON", GEOJSON,
            operation=read, extra=asked,
        ),
        _get(
            f"{here}/items/{{feature_id}}", layer.action, _one(layer), f"{title}: one feature",
            GEOJSON, operation=read, extra=one,
        ),
    )  # fmt: skip


ENDPOINTS = (
    _get("", Action.READ_BOROUGH, show_landing, "Where a GIS starts"),
    _get("/", Action.READ_BOROUGH, show_landing, "Where a GIS starts", shown=False),
    _get("/api", Action.READ_BOROUGH, show_interface, "OpenAPI 3.0 for a GIS", OPENAPI),
    _get("/conformance", Action.READ_BOROUGH, show_conformance, "What the GIS door conforms to"),
    _get("/collections", Action.READ_BOROUGH, show_collections, "The collections of a GIS"),
    *(endpoint for layer in LAYERS for endpoint in _of_layer(layer)),
)
