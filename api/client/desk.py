"""What the meeting keeps beside its plans: fleets, events of the calendar, actions arising."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from api.client.bodies import json_body, toml_body
from api.client.exchange import Exchange
from api.client.messages import segment
from api.client.pages import from_day, pages

Document = Mapping[str, Any]


class Fleets:
    """The fleets kept by the service, each in versions."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def list(self) -> Iterator[Document]:
        """Yield the fleets."""
        for page in pages(self._exchange, "/fleets"):
            yield from page["fleets"]

    def get(self, fleet_id: str, version: int | None = None) -> Document:
        """Return a fleet, by default its latest version."""
        found: Document = self._exchange.get(_fleet(fleet_id), {"version": version}).json()
        return found

    def versions(self, fleet_id: str) -> Iterator[Document]:
        """Yield the versions of a fleet, the latest first."""
        for page in pages(self._exchange, f"{_fleet(fleet_id)}/versions"):
            yield from page["fleets"]

    def keep(
        self, fleet_id: str, file: Path, *, version: int | None = None, reason: str = ""
    ) -> Document:
        """Keep a fleet file as a new fleet, or as the next version of one.

        Parameters
        ----------
        fleet_id
            What it is called in `allocate`.
        file
            The fleet file (TOML).
        version
            The version it takes the place of; ``None`` for a new fleet.
        reason
            Why, for the record.
        """
        made: Document = self._exchange.put(
            _fleet(fleet_id), toml_body(file), {"reason": reason}, version=version
        ).json()
        return made


class Calendar:
    """Events that change demand or take units on some days."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def list(self, **filters: object) -> Iterator[Document]:
        """Yield the events.

        Parameters
        ----------
        **filters
            ``week``, ``to``, ``cancelled``; ``first_day`` for `from`.
        """
        for page in pages(self._exchange, "/events", from_day(filters)):
            yield from page["events"]

    def add(self, event: Mapping[str, object]) -> Document:
        """Add an event, with the keys of an events file, and ``kind`` and ``remark``."""
        made: Document = self._exchange.post("/events", json_body(dict(event))).json()
        return made

    def get(self, event_id: str) -> Document:
        """Return an event."""
        found: Document = self._exchange.get(f"/events/{segment(event_id)}").json()
        return found

    def cancel(self, event: Document, reason: str) -> Document:
        """Cancel an event as it was read; it stays in the record."""
        path = f"/events/{segment(event['event_id'])}"
        gone: Document = self._exchange.delete(
            path, {"reason": reason}, version=event["version"]
        ).json()
        return gone


class Actions:
    """Actions arising: a task, an owner, a day."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def list(self, **filters: object) -> Iterator[Document]:
        """Yield the actions.

        Parameters
        ----------
        **filters
            ``state``, ``owner``, ``plan_key``, ``overdue``.
        """
        for page in pages(self._exchange, "/actions", filters):
            yield from page["actions"]

    def add(self, task: str, owner: str, due_on: date | str, **more: object) -> Document:
        """Add an action.

        Parameters
        ----------
        task, owner, due_on
            What, who, and by when.
        **more
            ``meeting``, ``held_on``, ``plan_key``.
        """
        body = {"task": task, "owner": owner, "due_on": str(due_on), **more}
        made: Document = self._exchange.post("/actions", json_body(body)).json()
        return made

    def get(self, action_id: str) -> Document:
        """Return an action."""
        found: Document = self._exchange.get(f"/actions/{segment(action_id)}").json()
        return found

    def finish(self, action: Document, outcome: str) -> Document:
        """Close an action as done, with what came of it."""
        return self._step(action, "done", {"outcome": outcome})

    def cancel(self, action: Document, outcome: str) -> Document:
        """Close an action as no longer wanted, with the reason."""
        return self._step(action, "cancel", {"outcome": outcome})

    def move(
        self, action: Document, *, owner: str | None = None, due_on: date | str | None = None
    ) -> Document:
        """Give an action to somebody else, or another day."""
        wanted = {"owner": owner, "due_on": str(due_on) if due_on is not None else None}
        body = {name: value for name, value in wanted.items() if value is not None}
        return self._step(action, "move", body)

    def _step(self, action: Document, step: str, body: Mapping[str, object]) -> Document:
        path = f"/actions/{segment(action['action_id'])}/{step}"
        made: Document = self._exchange.post(
            path, json_body(body), version=action["version"]
        ).json()
        return made


def _fleet(fleet_id: str) -> str:
    return f"/fleets/{segment(fleet_id)}"
