"""What the page of the interface shows, drawn from the OpenAPI document alone."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_DEPTH = 6


@dataclass(frozen=True)
class Field:
    """One parameter or member: where it goes, what it may be, and what it means."""

    name: str
    place: str
    kind: str
    required: bool
    meaning: str


@dataclass(frozen=True)
class Answer:
    """One status an operation may answer with."""

    status: str
    meaning: str
    forms: tuple[str, ...]


@dataclass(frozen=True)
class Operation:
    """One method at one path, as the page shows it."""

    anchor: str
    method: str
    path: str
    summary: str
    meaning: str
    needs_token: bool
    fields: tuple[Field, ...]
    answers: tuple[Answer, ...]
    example: str


def operations(document: Mapping[str, Any]) -> tuple[Operation, ...]:
    """Return every operation of an OpenAPI document in the order of its paths.

    Parameters
    ----------
    document
        An OpenAPI 3.1 document whose references are local.
    """
    found = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found.append(_operation(document, path, method.upper(), operation))
    return tuple(found)


def _operation(
    document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]
) -> Operation:
    needs_token = bool(operation.get("security"))
    media_type, body = _body(document, operation)
    fields = [_parameter(document, one) for one in operation.get("parameters", ())]
    fields += _members(document, body, "form" if "form" in media_type else "body")
    return Operation(
        anchor=f"{method}-{path.strip('/').replace('/', '-') or 'root'}".lower(),
        method=method,
        path=path,
        summary=operation.get("summary", ""),
        meaning=operation.get("description", ""),
        needs_token=needs_token,
        fields=tuple(fields),
        answers=tuple(_answer(code, one) for code, one in operation["responses"].items()),
        example=_example(path, method, operation, body, needs_token),
    )


def _body(
    document: Mapping[str, Any], operation: Mapping[str, Any]
) -> tuple[str, Mapping[str, Any]]:
    content = operation.get("requestBody", {}).get("content", {})
    for media_type, described in content.items():
        return media_type, _resolved(document, described.get("schema", {}))
    return "", {}


def _parameter(document: Mapping[str, Any], parameter: Mapping[str, Any]) -> Field:
    schema = parameter.get("schema", {})
    return Field(
        name=parameter["name"],
        place=parameter["in"],
        kind=_kind(document, schema),
        required=bool(parameter.get("required")),
        meaning=parameter.get("description") or schema.get("description", ""),
    )


def _members(
    document: Mapping[str, Any],
    schema: Mapping[str, Any],
    place: str,
    prefix: str = "",
    depth: int = 0,
) -> list[Field]:
    """Return the members of an object schema, nested objects under dotted names."""
    found = []
    required = schema.get("required", ())
    for name, member in schema.get("properties", {}).items():
        full = f"{prefix}{name}"
        meaning = member.get("description", "")
        found.append(Field(full, place, _kind(document, member), name in required, meaning))
        inner, dots = _inner(document, member)
        if inner and depth < MOST_DEPTH:
            found += _members(document, inner, place, f"{full}{dots}", depth + 1)
    return found


def _inner(document: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    for option in schema.get("anyOf", (schema,)):
        resolved = _resolved(document, option)
        if "properties" in resolved:
            return resolved, "."
        items = _resolved(document, resolved.get("items", {}))
        if "properties" in items:
            return items, "[]."
    return {}, ""


def _kind(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(document, option) for option in schema["anyOf"])
    resolved = _resolved(document, schema)
    if "const" in resolved:
        return json.dumps(resolved["const"])
    if "enum" in resolved:
        return " | ".join(map(str, resolved["enum"]))
    kind = str(resolved.get("type", "anything"))
    if kind == "array":
        return f"list of {_kind(document, resolved.get('items', {}))}"
    if resolved.get("format") == "binary" or "contentMediaType" in resolved:
        return "file"
    limits = _limits(resolved)
    return f"{kind} ({limits})" if limits else kind


def _limits(schema: Mapping[str, Any]) -> str:
    words = {
        "minimum": "from {}",
        "exclusiveMinimum": "more than {}",
        "maximum": "to {}",
        "exclusiveMaximum": "less than {}",
        "maxLength": "at most {} characters",
        "pattern": "pattern {}",
    }
    return ", ".join(text.format(schema[name]) for name, text in words.items() if name in schema)


def _answer(code: str, answer: Mapping[str, Any]) -> Answer:
    return Answer(code, answer.get("description", ""), tuple(answer.get("content", ())))


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return schema
    name = reference.rsplit("/", 1)[-1]
    found: Mapping[str, Any] = document["components"]["schemas"].get(name, {})
    return found


def _example(
    path: str,
    method: str,
    operation: Mapping[str, Any],
    body: Mapping[str, Any],
    needs_token: bool,
) -> str:
    """Return a command that calls the operation, with the token in ``$ARV_TOKEN``."""
    query = "&".join(
        f"{one['name']}=2026-W48"
        for one in operation.get("parameters", ())
        if one.get("required") and one["in"] == "query"
    )
    address = (
        "http://127.0.0.1:8000" + path.replace("{table}", "wards") + (f"?{query}" if query else "")
    )
    parts = ["curl", "-sS"]
    if needs_token:
        parts += ["-H", '"Authorization: Bearer $ARV_TOKEN"']
    example = body.get("example")
    if example is not None:
        parts += ["--json", shlex.quote(json.dumps(example))]
    elif method == "POST":
        parts += ["-F", "as_of=2026-11-23", "-F", "incidents=@week.csv"]
    return " ".join([*parts, shlex.quote(address)])
