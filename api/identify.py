"""Who asks: the token of the first start, an API key, an identity token, or a signed-in browser."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request

from api.access import ANONYMOUS, HANDLING_C_SCOPE, Actor, Role
from api.accounts.browser import BrowserSession, find_session
from api.accounts.directory import user_by_identity
from api.accounts.keys import looks_like_key, use_of_key
from api.refusals import CredentialRefusedError
from api.service import Service
from api.tokens import matches

#: What the token of the first start opens: the work of one person on one machine, who holds its
#: files. It never approves: that takes a person with an account of their own.
TOKEN_ROLES = frozenset({Role.ADMINISTRATOR, Role.ANALYST, Role.PLANNER})
TOKEN_SCOPES = frozenset({HANDLING_C_SCOPE})


class SignedIn(Protocol):
    """A browser's session as the pages need it: the token its forms must carry."""

    @property
    def form_token(self) -> str:
        """Return the form token."""


@dataclass(frozen=True)
class Caller:
    """Who asks, through which browser session, and why a credential was not taken."""

    actor: Actor
    session: SignedIn | None = None
    refusal: CredentialRefusedError | None = None


def session_cookie(behind_proxy: bool) -> str:
    """Return the name of the session cookie; the prefix binds it to TLS and this host."""
    return "__Host-arv_session" if behind_proxy else "arv_session"


def actor_of(request: Request) -> Actor:
    """Return who asks, as the gate found before the endpoint was reached."""
    actor: Actor = request.state.actor
    return actor


async def identify(request: Request, service: Service) -> Caller:
    """Return who asks; a wrong credential is anonymous, with the words of its refusal."""
    refusal = None
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    token = given.strip()
    if scheme.lower() == "bearer" and token:
        if matches(token, service.token_digest):
            return Caller(token_actor("token"))
        try:
            return Caller(await asyncio.to_thread(_by_bearer, service, token))
        except CredentialRefusedError as fault:
            refusal = fault
    cookie = request.cookies.get(session_cookie(service.settings.behind_proxy))
    if cookie:
        kept = service.sessions.find(cookie)
        if kept is not None:
            return Caller(token_actor("session"), kept)
        session = await asyncio.to_thread(_by_cookie, service, cookie)
        if session is not None:
            return Caller(session.user.actor("session"), session)
    return Caller(ANONYMOUS, None, refusal)


def token_actor(proof: str) -> Actor:
    """Return who holds the token of the first start."""
    return Actor("administrator", TOKEN_ROLES, proof, scopes=TOKEN_SCOPES)


def _by_bearer(service: Service, token: str) -> Actor:
    record = service.record
    if record is not None and looks_like_key(token):
        now = record.clock()
        with record.store.read() as tx:
            use = use_of_key(tx, token, now)
        service.key_uses.used(record.store, use, now)
        return use.actor
    if record is not None and service.issuer is not None and token.count(".") == 2:
        identity = service.issuer.identify(token)
        with record.store.read() as tx:
            user = user_by_identity(tx, identity)
        if user is not None and user.active:
            return user.actor("oidc")
        raise CredentialRefusedError(
            "no account is linked to this identity", remedy="ask an administrator"
        )
    raise CredentialRefusedError("the token is not known", remedy="send the right one")


def _by_cookie(service: Service, cookie: str) -> BrowserSession | None:
    record = service.record
    return find_session(record.store, cookie, record.clock()) if record is not None else None
