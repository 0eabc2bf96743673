"""Accounts, keys, the rules, and the record of who did what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from api.client.bodies import json_body
from api.client.exchange import Exchange
from api.client.messages import segment
from api.client.pages import from_day, pages

Document = Mapping[str, Any]


class People:
    """Accounts of people and keys of programs; for administrators, never with a key."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def list(self) -> Iterator[Document]:
        """Yield the accounts."""
        for page in pages(self._exchange, "/users"):
            yield from page["users"]

    def get(self, name: str) -> Document:
        """Return an account."""
        found: Document = self._exchange.get(f"/users/{segment(name)}").json()
        return found

    def add(
        self, name: str, display_name: str, roles: Sequence[str], **rights: Sequence[str]
    ) -> Document:
        """Make an account; ``one_time_password`` is in this answer alone.

        Parameters
        ----------
        name, display_name, roles
            Whom, what they are called, what they may do.
        **rights
            ``boroughs``, ``scopes``.
        """
        body = {"name": name, "display_name": display_name, **_rights(roles, rights)}
        return self._post("/users", body)

    def change_rights(
        self, user: Document, roles: Sequence[str], reason: str, **rights: Sequence[str]
    ) -> Document:
        """Give an account, as it was read, other rights; its sessions end."""
        return self._step(user, "rights", {"reason": reason, **_rights(roles, rights)})

    def close(self, user: Document, reason: str) -> Document:
        """Close an account; what it did stays in the record."""
        return self._step(user, "close", {"reason": reason})

    def reopen(self, user: Document, reason: str) -> Document:
        """Open a closed account again, with a one-time password."""
        return self._step(user, "reopen", {"reason": reason})

    def new_password(self, user: Document, reason: str) -> Document:
        """Replace a forgotten password by a one-time password."""
        return self._step(user, "password", {"reason": reason})

    def keys(self) -> Iterator[Document]:
        """Yield the keys, without their secrets."""
        for page in pages(self._exchange, "/keys"):
            yield from page["keys"]

    def key(self, key_id: str) -> Document:
        """Return a key, without its secret."""
        found: Document = self._exchange.get(f"/keys/{segment(key_id)}").json()
        return found

    def add_key(
        self, owner: str, label: str, actions: Sequence[str], *, days: int = 90
    ) -> Document:
        """Make a key for named actions; ``secret`` is in this answer alone."""
        body = {"owner": owner, "label": label, "actions": list(actions), "days": days}
        return self._post("/keys", body)

    def replace_key(self, key_id: str, *, days: int = 90, overlap_days: int = 7) -> Document:
        """Make a key like another, which goes on for a while; ``secret`` is here alone."""
        body = {"days": days, "overlap_days": overlap_days}
        return self._post(f"/keys/{segment(key_id)}/replace", body)

    def revoke_key(self, key_id: str, reason: str) -> Document:
        """End a key."""
        return self._post(f"/keys/{segment(key_id)}/revoke", {"reason": reason})

    def rules(self) -> Document:
        """Return who may do what, and what the asking account may."""
        found: Document = self._exchange.get("/rules").json()
        return found

    def _step(self, user: Document, step: str, body: Mapping[str, object]) -> Document:
        return self._post(f"/users/{segment(user['name'])}/{step}", body, user["version"])

    def _post(self, path: str, body: Mapping[str, object], version: int | None = None) -> Document:
        made: Document = self._exchange.post(path, json_body(body), version=version).json()
        return made


class AuditRecord:
    """The record of who did what, when and why; for auditors."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def entries(self, **filters: object) -> Iterator[Document]:
        """Yield the entries, the latest first.

        Parameters
        ----------
        **filters
            ``actor``, ``action``, ``outcome``, ``object_kind``, ``object_id``, ``to``;
            ``first_day`` for `from`.
        """
        for page in pages(self._exchange, "/audit", from_day(filters)):
            yield from page["entries"]

    def entry(self, position: int) -> Document:
        """Return one entry."""
        found: Document = self._exchange.get(f"/audit/{position}").json()
        return found

    def head(self) -> Document:
        """Return the signed end of the record."""
        found: Document = self._exchange.get("/audit/head").json()
        return found

    def anchor(self) -> Document:
        """Have the end of the record signed, to be kept elsewhere."""
        made: Document = self._exchange.post("/audit/anchors", None).json()
        return made

    def check(self, anchors: Sequence[Document] = ()) -> Document:
        """Have the whole record checked, against anchors kept elsewhere."""
        body = {"anchors": [dict(one) for one in anchors]}
        found: Document = self._exchange.post("/audit/check", json_body(body)).json()
        return found


def _rights(roles: Sequence[str], rights: Mapping[str, Sequence[str]]) -> dict[str, object]:
    return {"roles": list(roles), **{name: list(one) for name, one in rights.items()}}
