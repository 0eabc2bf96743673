"""Incidents as a collection: what stands in the store, for whose eyes, page by page."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
from shapely.geometry import Point
from sqlalchemy import Connection
from starlette.requests import Request

from api.access import HANDLING_C_SCOPE, Action, Actor, own_boroughs
from api.ogc.crs import enclosing_m, inside, unrounded
from api.ogc.layers import Feature, Found
from api.ogc.places import Place
from api.ogc.query import ItemsQuery
from api.problems import ProblemError, http_problem
from api.routes.stored import evidence_marking, record_of
from api.service import service_of
from api.store.incident_list import Incident, IncidentQuery, find_incident, list_incidents
from api.store.store import Store

_LARGEST_ID = 2**63 - 1


async def page(request: Request, query: ItemsQuery) -> Found:
    """Return a page of the incidents an actor may see, by identifier."""
    scope = _scope(request.state.actor, query)
    headers = await evidence_marking(service_of(request))
    return await asyncio.to_thread(_page, record_of(request).store, query, scope, headers)


async def find(request: Request, feature_id: str) -> Found:
    """Return one incident if the actor may see it."""
    number = _number(feature_id)
    if number is None:
        return Found([], False)
    scope = _scope(request.state.actor, ItemsQuery())
    store = record_of(request).store

    def read() -> Incident | None:
        with store.read() as tx:
            return find_incident(tx, number, scope)

    one = await asyncio.to_thread(read)
    return Found(
        [_feature(one)] if one else [], False, headers=await evidence_marking(service_of(request))
    )


def _page(store: Store, query: ItemsQuery, scope: IncidentQuery, headers: dict[str, str]) -> Found:
    if query.boxes is not None and not query.boxes:
        return Found([], False, headers=headers)
    after = _number(query.after or "0")
    if after is None:
        raise ProblemError(
            http_problem(400, "after is no id of an incident. Remedy: follow the link 'next'.")
        )
    with store.read() as tx:
        found = _matching(tx, query, scope, after)
    more = len(found) > query.limit
    return Found([_feature(one) for one in found[: query.limit]], more, headers=headers)


def _matching(
    tx: Connection, query: ItemsQuery, scope: IncidentQuery, after: int
) -> list[Incident]:
    """Return up to one more than the page holds; a box in degrees is met exactly."""
    found: list[Incident] = []
    wanted = query.limit + 1
    while len(found) < wanted:
        part = list_incidents(tx, replace(scope, after=after, limit=wanted))
        found += _inside(part, query)
        if len(part) < wanted:
            break
        after = part[-1].incident_id
    return found[:wanted]


def _inside(part: list[Incident], query: ItemsQuery) -> list[Incident]:
    if query.boxes is None or not part:
        return part
    places = unrounded([_point(one) for one in part], query.bbox_crs)
    met = inside(places, query.boxes)
    return [part[at] for at in np.flatnonzero(met)]


def _scope(actor: Actor, query: ItemsQuery) -> IncidentQuery:
    return IncidentQuery(
        handling_c=HANDLING_C_SCOPE in actor.scopes,
        boroughs=own_boroughs(actor, Action.READ_INCIDENT),
        bbox_m=enclosing_m(query.boxes, query.bbox_crs) if query.boxes else None,
        occurred_from=query.start,
        occurred_before=query.before,
    )


def _feature(one: Incident) -> Feature:
    return Feature(
        str(one.incident_id),
        Place(_point(one)),
        {
            "record_id": one.record_id,
            "source": one.source,
            "category": one.category,
            "basis": one.basis,
            "occurred_from": _text(one.occurred_from_utc),
            "occurred_to": _text(one.occurred_to_utc),
            "known_from": _text(one.known_from_utc),
            "area_code": one.area_code,
            "ward_code": one.ward_code,
            "borough_code": one.borough_code,
            "source_grade": one.source_grade,
            "information_grade": one.information_grade,
            "handling_code": one.handling_code,
            "correction": one.correction,
            "notice": one.notice,
        },
    )


def _point(one: Incident) -> Any:
    return Point(one.x_m, one.y_m) if one.x_m is not None and one.y_m is not None else None


def _number(text: str) -> int | None:
    plain = text.isascii() and text.isdecimal() and len(text) <= 19
    return int(text) if plain and int(text) <= _LARGEST_ID else None


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
