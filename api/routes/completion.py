"""Complete what the framework derives of the interface: problems, preconditions, what can be sent.

The framework describes each function by itself. What every request meets on its way there (the
gate, the rates, the limits), and what cannot be sent in a form or a query, is added here once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.access import ANONYMOUS, PERSONAL, Action, Resource, decide
from api.identify import session_cookie
from api.routes.documents import COMMON, problem

FORM = "multipart/form-data"
TOKEN, SESSION, FORM_TOKEN = "token", "session", "formToken"
#: What a step of a record that has versions must name.
IF_MATCH: dict[str, Any] = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": 'The version the step was decided on, as its ETag gave it: "4".',
    "schema": {"type": "string", "pattern": '^"[0-9]{1,9}"$'},
}
_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Sent again with the same key within a day, the request is not done "
    "twice: it has the first one's answer, marked Idempotency-Replayed.",
    "schema": {"type": "string", "pattern": "^[!#-~]{1,128}$", "maxLength": 128},
}


def complete(document: Mapping[str, Any], *, issuer: bool = False) -> None:
    """Complete every operation of an OpenAPI document, in place.

    Parameters
    ----------
    document
        As the framework makes it; each operation has its ``x-action``.
    issuer
        True when an identity issuer is configured: then a token can stand for a person.
    """
    for methods in document["paths"].values():
        for method, operation in methods.items():
            _add_problems(operation, sends=method in ("post", "put", "patch"))
            operation["security"] = _security(Action(operation["x-action"]), method, issuer)
            for parameter in operation.get("parameters", ()):
                _never_null(parameter.get("schema", {}))
            if method == "post":
                _offer_key(operation)
    for schema in _form_schemas(document):
        for member in schema.get("properties", {}).values():
            _never_null(member)


def security_schemes(*, behind_proxy: bool) -> dict[str, Any]:
    """Return how a caller can prove who they are: a token or key, or a browser's session."""
    return {
        TOKEN: {"type": "http", "scheme": "bearer"},
        SESSION: {"type": "apiKey", "in": "cookie", "name": session_cookie(behind_proxy)},
        FORM_TOKEN: {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
    }


def _open(action: Action) -> bool:
    return decide(ANONYMOUS, action, Resource("operation")).allowed


def _security(action: Action, method: str, issuer: bool) -> list[dict[str, list[str]]]:
    """Return what an operation needs: a token, or the session of a person who signed in."""
    if _open(action):
        return []
    session: dict[str, list[str]] = {SESSION: []}
    if method != "get":
        session[FORM_TOKEN] = []
    return [{TOKEN: []}, session] if issuer or action not in PERSONAL else [session]


def _add_problems(operation: dict[str, Any], *, sends: bool) -> None:
    """Add the problems an operation may answer with."""
    answers = operation["responses"]
    answers.pop("422", None)
    if _open(Action(operation["x-action"])):
        return
    usual = {str(code): one for code, one in COMMON.items()}
    if sends:
        usual["413"] = problem("The body is too large.")
    operation["responses"] = dict(sorted({**usual, **answers}.items()))


def _offer_key(operation: dict[str, Any]) -> None:
    """Add the header under which a request is done only once, and what it may be refused for."""
    operation.setdefault("parameters", []).append(dict(_KEY))
    operation["responses"].setdefault("400", problem("The Idempotency-Key cannot be read."))
    operation["responses"].setdefault("409", problem("The first request is still being done."))


def _form_schemas(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the schemas of the forms that carry files."""
    schemas = document.get("components", {}).get("schemas", {})
    found = []
    for methods in document["paths"].values():
        for operation in methods.values():
            form = operation.get("requestBody", {}).get("content", {}).get(FORM, {})
            name = str(form.get("schema", {}).get("$ref", "")).rsplit("/", 1)[-1]
            if name in schemas:
                found.append(schemas[name])
    return found


def _never_null(schema: dict[str, Any]) -> None:
    """Take null out of a choice: a query, a header and a form leave out what they do not say."""
    options = schema.get("anyOf", [])
    kept = [one for one in options if one.get("type") != "null"]
    if len(kept) == len(options):
        return
    if len(kept) == 1:
        del schema["anyOf"]
        schema |= {name: value for name, value in kept[0].items() if name not in schema}
    else:
        schema["anyOf"] = kept
    if schema.get("default", 0) is None:
        del schema["default"]
