"""Malformed requests of every kind that the service takes in, made from sound ones by a seed."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.api.service_world import BEARER, WEEK
from tests.bad_input import good_files as good
from tests.bad_input.corpus import features, square
from tests.bad_input.faults import FAULTS
from tests.bad_input.mutations import NASTY, ODD_VALUES, mutated, mutated_inside

BOUNDARY = "x8f2c"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
#: Beside a policy: refused once the policy has been read, so that nothing is assessed.
EMPTY_FEED = ("incidents", "week.csv", b"")


@dataclass(frozen=True)
class Sent:
    """One request: what it is, and its parts as they go over the wire."""

    label: str
    method: str
    path: str
    content: bytes
    headers: Mapping[str, str]


Part = tuple[str, str, bytes]
Make = Callable[[int], Sent]


def form(*parts: Part, **fields: str) -> bytes:
    """Return a multipart form of files (field, file name, content) and of fields."""
    blocks = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()
        for name, value in fields.items()
    ]
    for field, name, content in parts:
        head = f'Content-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'
        blocks.append(head.encode("utf-8", "replace") + content)
    mark = f"--{BOUNDARY}".encode()
    return b"".join(mark + b"\r\n" + one + b"\r\n" for one in blocks) + mark + b"--\r\n"


def post(label: str, path: str, content: bytes, media_type: str = FORM, **more: str) -> Sent:
    """Return a POST of the administrator."""
    return Sent(label, "POST", path, content, {**BEARER, "Content-Type": media_type, **more})


def damaged(key: str, seed: int) -> tuple[str, bytes]:
    """Return a sound file's name and its damaged content: the container, or what is inside."""
    name, content = good.good_files()[key]
    if seed % 2 and name.endswith((".gz", ".zip", ".parquet", ".geojson")):
        return name, mutated_inside(name, content, seed)
    return name, mutated(content, seed)


def feed(key: str) -> Make:
    """Return a maker of damaged feeds of one layout."""

    def make(seed: int) -> Sent:
        kept = "true" if seed % 3 else "false"
        content = form(("file", *damaged(key, seed)), report_rejected=kept)
        return post(f"{key} {seed}", "/feeds", content)

    return make


def sidecar(seed: int) -> Sent:
    """Return a sound feed whose statement of coverage is damaged."""
    coverage = mutated(good.SIDECAR, seed)
    parts = ("file", "week.csv", good.meeting_csv()), ("coverage", "c.csv", coverage)
    return post(f"sidecar {seed}", "/feeds", form(*parts))


def policy(seed: int) -> Sent:
    """Return a damaged policy."""
    part = ("policy", *damaged("policy/toml", seed))
    return post(f"policy {seed}", "/assessment", form(part, EMPTY_FEED, as_of=good.AS_OF))


def fleet_file(seed: int) -> Sent:
    """Return a damaged fleet file under a name of its own."""
    headers = {**BEARER, "Content-Type": "application/toml", "If-None-Match": "*"}
    content = mutated(good.fleet_toml(), seed)
    return Sent(f"fleet {seed}", "PUT", f"/fleets/bad-{seed}", content, headers)


UNIT = {"unit_id": "ARV-01", "provenance": "CO19", "on_duty": ["monday"], "eligible_boroughs": []}
PLACEMENT = {
    "week": WEEK,
    "fleet": {"service_standard_s": 540, "turnout_s": 60, "label": "a", "units": [UNIT]},
    "locks": {"ARV-01": ["E09000012"]},
    "max_changes": 2,
    "events": [{"name": "Match", "date": "2026-11-24", "boroughs": ["E09000012"]}],
    "time_limit_s": 0.05,
}
EVENT = {
    "name": "Carnival", "from": "2026-11-24", "to": "2026-11-25", "boroughs": ["E09000020"],
    "extra_share": 1.5, "units_committed": 2,
}  # fmt: skip
ACCOUNT = {"name": "zoe", "display_name": "Zoe", "roles": ["analyst"], "boroughs": []}


def body(path: str, sound: Mapping[str, Any]) -> Make:
    """Return a maker of damaged JSON bodies: as text, or with one value replaced."""
    text = json.dumps(sound).encode()

    def make(seed: int) -> Sent:
        inside = mutated_inside("body.json", text, seed) if seed % 2 else mutated(text, seed)
        return post(f"{path} {seed}", path, inside, "application/json")

    return make


def equality(key: str) -> Make:
    """Return a maker of damaged tables of area characteristics for a plan."""
    rows = ["area_code,population,characteristic,group,share"]
    rows += [f"{code},300000,age,{n}-64,0.{n}" for code in good.BOROUGHS for n in (16, 25)]
    sound = "\n".join([*rows, ""]).encode()

    def make(seed: int) -> Sent:
        text = mutated(sound, seed).decode("utf-8", "replace")
        content = json.dumps({"csv": text}).encode()
        path = f"/plans/{key}/equality"
        return post(f"equality {seed}", path, content, "application/json", **{"If-Match": '"1"'})

    return make


def envelope(seed: int) -> Sent:
    """Return a form whose envelope is damaged, or whose names lead elsewhere."""
    rng = random.Random(seed)
    name = rng.choice((*NASTY[:60], "../../etc/passwd", "..\\..\\x.csv", "a\0b.csv", "=cmd|.csv",
                       "<script>alert(1)</script>.csv", "n" * 5_000, ".", "/", "con.csv",
                       "week.coverage.csv")).replace('"', "%22")  # fmt: skip
    sound = form(("file", name[:9_000], good.meeting_csv()), name=rng.choice(NASTY)[:200])
    content = sound if seed % 3 == 0 else mutated(sound, seed)
    kinds = (FORM, FORM, FORM, FORM.upper(), "multipart/form-data", f"{FORM}{BOUNDARY}",
             "multipart/mixed", "text/csv", "application/x-www-form-urlencoded",
             f"multipart/form-data; boundary={'b' * 400}",
             "application/json; charset=utf-16")  # fmt: skip
    return post(f"envelope {seed}", "/feeds", content, rng.choice(kinds))


def geometry(seed: int) -> Sent:
    """Return a GeoJSON feed with a geometry that is none, or none of a record."""
    rng = random.Random(seed)
    x, y = rng.uniform(-0.3, 0.1), rng.uniform(51.4, 51.6)
    bow_tie = [[x, y], [x + 0.1, y + 0.1], [x + 0.1, y], [x, y + 0.1], [x, y]]
    numbers = (
        x,
        y,
        0,
        -0.0,
        180.0,
        91.0,
        1e308,
        1e999,
        -1e999,
        float("nan"),
        10**400,
        "51.5",
        None,
    )
    depth: Any = [x, y]
    for _ in range(rng.randint(1, 60)):
        depth = [depth]
    shapes: tuple[Any, ...] = (
        {"type": "Polygon", "coordinates": [bow_tie]},
        {"type": "Polygon", "coordinates": [square(x, y, 0.01)[:3]]},
        {"type": "Polygon", "coordinates": [[[x, y]] * rng.randint(0, 4)]},
        {"type": "MultiPolygon", "coordinates": [[bow_tie], [bow_tie]]},
        {"type": "LineString", "coordinates": [[x, y], [rng.choice(numbers), y]]},
        {"type": "Point", "coordinates": [rng.choice(numbers), rng.choice(numbers)]},
        {"type": "Point", "coordinates": [x]},
        {"type": "Point", "coordinates": [x, y, rng.choice(numbers), 4]},
        {"type": "Point", "coordinates": depth},
        {"type": rng.choice(NASTY), "coordinates": [x, y]},
        {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [x, y]}]},
        rng.choice(ODD_VALUES),
    )
    content = features(*(rng.choice(shapes) for _ in range(rng.randint(1, 3))))
    return post(f"geometry {seed}", "/feeds", form(("file", "week.geojson", content)))


def corpus() -> Iterator[Sent]:
    """Yield every named fault that is a file for the service: bombs, slips, links, encodings."""
    fields = {"incidents": "incidents", "sidecar": "incidents", "counts": "counts"}
    for one in FAULTS:
        if one.door not in fields or not one.upload:
            continue
        with tempfile.TemporaryDirectory() as folder:
            one.make(Path(folder))
            files = [(path.name, path.read_bytes()) for path in sorted(Path(folder).iterdir())]
        parts = [(fields[one.door], name, content) for name, content in files]
        yield post(one.label, "/assessment", form(*parts, as_of=good.AS_OF))
        if len(files) == 1:
            yield post(f"{one.label}, kept", "/feeds", form(("file", *files[0])))


def makers(plan_key: str) -> dict[str, Make]:
    """Return a maker of requests for every kind, by name.

    Parameters
    ----------
    plan_key
        Key of a plan in the record, for the tables that go with a plan.
    """
    layouts = [key for key in good.good_files() if key.startswith("feed/")]
    return {
        **{key: feed(key) for key in layouts},
        "geometry": geometry,
        "sidecar": sidecar,
        "policy": policy,
        "envelope": envelope,
        "fleet file": fleet_file,
        "fleet and order": body("/allocate", PLACEMENT),
        "event": body("/events", EVENT),
        "account": body("/users", ACCOUNT),
        "equality table": equality(plan_key),
    }


#: What a malformed request may be answered with: taken after all, refused, or told to come back.
MAY_ANSWER = frozenset({200, 201, 202, 400, 404, 409, 412, 413, 415, 422, 503})


def complaint(sent: Sent, status: int, headers: Mapping[str, str], text: str) -> str:
    """Return what is wrong with an answer to a malformed request; empty when nothing is."""
    if status not in MAY_ANSWER:
        return f"{sent.label}: answered {status}: {text[:300]}"
    if status < 400:
        return ""
    if headers.get("content-type") != "application/problem+json":
        return f"{sent.label}: {status} as {headers.get('content-type')}"
    said = json.loads(text)
    if "Remedy: " not in said["detail"] or not said["detail"].isprintable():
        return f"{sent.label}: no remedy, or not in plain words: {said['detail'][:300]!r}"
    if len(text) > 20_000 or "Traceback" in text or "/site-packages/" in text:
        return f"{sent.label}: the inside shows, or far too many words: {text[:300]}"
    return ""
