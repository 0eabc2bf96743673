"""Proofs of who asks: a token or API key, or the session of a person who signed in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from http.cookies import CookieError, SimpleCookie

from api.client.bodies import fields_body
from api.client.errors import NotSignedInError, UnexpectedAnswerError
from api.client.exchange import Exchange
from api.client.messages import Answer, Request

_FORM_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
_MESSAGE = re.compile(r'<p class="message"[^>]*>(.*?)</p>', re.DOTALL)
_SAFE = frozenset({"GET", "HEAD"})


@dataclass(frozen=True)
class Bearer:
    """A token, an API key or an identity token, sent with every request."""

    token: str = field(repr=False)

    def headers(self, _method: str, /) -> Mapping[str, str]:
        """Return the header of the token."""
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True)
class PersonSession:
    """The session of a person: what an approval needs, which no token may give."""

    name: str
    origin: str
    cookies: Mapping[str, str] = field(repr=False)
    form_token: str = field(default="", repr=False)

    def headers(self, method: str, /) -> Mapping[str, str]:
        """Return the cookies, and for a change the proof that no other site sends it."""
        pairs = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        given = {"Cookie": pairs} if pairs else {}
        if method not in _SAFE:
            given |= {"Origin": self.origin}
            if self.form_token:
                given["X-CSRF-Token"] = self.form_token
        return given


def open_session(door: Exchange, name: str, password: str) -> PersonSession:
    """Sign in with a name and a password.

    Raises
    ------
    NotSignedInError
        In the words of the service, when it does not take them.
    """
    origin = door.address.origin
    form = door.get("/sign-in", accept="text/html")
    guest = Exchange(
        door.address, PersonSession(name, origin, _cookies(form)), door.patience, door.sleep
    )
    fields = {"form_token": _form_token(form), "name": name, "password": password}
    opened = _taken(guest, "/sign-in", fields)
    session = PersonSession(name, origin, _cookies(opened))
    inside = Exchange(door.address, session, door.patience, door.sleep)
    page = inside.get("/password", accept="text/html")
    return PersonSession(name, origin, session.cookies, _form_token(page))


def replace_password(door: Exchange, session: PersonSession, old: str, new: str) -> None:
    """Replace a password, the one-time password first of all; the session ends with it.

    Raises
    ------
    NotSignedInError
        In the words of the service, when it takes the old or the new one not.
    """
    inside = Exchange(door.address, session, door.patience, door.sleep)
    fields = {"form_token": session.form_token, "old": old, "new": new, "again": new}
    _taken(inside, "/password", fields)


def close_session(door: Exchange, session: PersonSession) -> None:
    """Sign out."""
    inside = Exchange(door.address, session, door.patience, door.sleep)
    _taken(inside, "/sign-out", {"form_token": session.form_token})


def _taken(door: Exchange, path: str, fields: Mapping[str, str]) -> Answer:
    """Send a form of the pages; it is taken when the service leads on to another page."""
    request = Request("POST", path, (), {"Accept": "text/html"}, fields_body(fields))
    answer = door.send_form(request)
    if answer.status == 303:
        return answer
    found = _MESSAGE.search(answer.content.decode("utf-8", "replace"))
    words = unescape(found[1]).strip() if found else "the form was not taken"
    raise NotSignedInError(answer.status, {"detail": words})


def _form_token(page: Answer) -> str:
    found = _FORM_TOKEN.search(page.content.decode("utf-8", "replace"))
    if found is None:
        raise UnexpectedAnswerError(
            "the page holds no form of the service. Remedy: check the address."
        )
    return unescape(found[1])


def _cookies(answer: Answer) -> dict[str, str]:
    """Return the cookies an answer sets; those it ends are left out."""
    kept: dict[str, str] = {}
    for line in answer.cookies:
        try:
            parsed = SimpleCookie(line)
        except CookieError:
            continue
        kept |= {name: one.value for name, one in parsed.items() if one.value}
    return kept
