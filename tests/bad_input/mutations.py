"""Deterministic damage to a sound file: bytes, lines, cells, columns, tokens."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Mutation = Callable[[bytes, random.Random], bytes]

NASTY = (
    "", " ", "nan", "NaN", "inf", "-inf", "-1", "1e999", "9" * 400, "0x" + "f" * 5000, "-0",
    "1_000", "٣", "²", "31/02/2026", "2026-02-30", "2026-03-29T01:30", "2026-10-25T01:30",
    "2026-11-20T25:00", "2026-11-20T10:00+99:00", "9999-12-31", "0001-01-01", "1969-12-31",
    "E09000099", "E05009367", "e09000012", "180381", "530034", "51.5", "-0.12", "700000", "true",
    "null", "withdrawn", "moved", "RS-1", "RS-2", "RS-4", "reported", "discovered", "=1+1",
    "\x1b[2J", "\u202e", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "\ufeff",
    "'", '"', '""', ",", "\n", "\r\n", "\t", "a" * 70_000, "<script>", "../../etc/passwd", "é",
)  # fmt: skip
TOKENS = (
    b"[" * 3_000, b"{" * 3_000, b"]", b"}", b"NaN", b"Infinity", b"-1e999", b"null", b"\x00",
    b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\\ud800", b"\\u0000", b'"', b"9" * 5_000, b"PAR1",
    b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"[[units]]", b"=", b"1979-05-27T07:32:00Z",
    b'{"type":"gdal_streamed_alg"}', b"POINT EMPTY",
)  # fmt: skip


def mutated(content: bytes, seed: int) -> bytes:
    """Return ``content`` with one to three mutations chosen by ``seed``."""
    rng = random.Random(seed)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        content = rng.choice(MUTATIONS)(content, rng)
    return content


def flip_bits(content: bytes, rng: random.Random) -> bytes:
    """Return the content with one to eight bytes changed."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 8) if changed else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(content: bytes, rng: random.Random) -> bytes:
    """Return the content without a stretch, or only its beginning."""
    start = rng.randrange(len(content) + 1)
    end = len(content) if rng.random() < 0.3 else min(len(content), start + rng.randint(1, 200))
    return content[:start] + content[end:]


def repeat(content: bytes, rng: random.Random) -> bytes:
    """Return the content with a stretch of it put in again elsewhere."""
    start, at = rng.randrange(len(content) + 1), rng.randrange(len(content) + 1)
    return content[:at] + content[start : start + rng.randint(1, 400)] + content[at:]


def splice(content: bytes, rng: random.Random) -> bytes:
    """Return the content with a nasty token put in or over it."""
    at, token = rng.randrange(len(content) + 1), rng.choice(TOKENS)
    over = len(token) if rng.random() < 0.3 else 0
    return content[:at] + token + content[at + over :]


def _lines(content: bytes) -> list[bytes]:
    return content.split(b"\n")


def replace_cell(content: bytes, rng: random.Random) -> bytes:
    """Return the text with the value between two separators replaced."""
    lines = _lines(content)
    row = rng.randrange(len(lines))
    sign = next((s for s in (b",", b" = ", b":") if s in lines[row]), b",")
    cells = lines[row].split(sign)
    cells[rng.randrange(len(cells))] = rng.choice(NASTY).encode("utf-8", "replace")
    lines[row] = sign.join(cells)
    return b"\n".join(lines)


def shuffle_columns(content: bytes, rng: random.Random) -> bytes:
    """Return the text with two columns exchanged, in every line or in the header alone."""
    lines = _lines(content)
    width = lines[0].count(b",") + 1
    one, two = rng.randrange(width), rng.randrange(width)
    for row in range(len(lines) if rng.random() < 0.5 else 1):
        cells = lines[row].split(b",")
        if len(cells) == width:
            cells[one], cells[two] = cells[two], cells[one]
            lines[row] = b",".join(cells)
    return b"\n".join(lines)


def drop_column(content: bytes, rng: random.Random) -> bytes:
    """Return the text without one column, or with it twice."""
    lines = _lines(content)
    at = rng.randrange(lines[0].count(b",") + 1)
    twice = rng.random() < 0.3
    changed = []
    for line in lines:
        cells = line.split(b",")
        changed.append(b",".join(cells[:at] + cells[at : at + 1] * 2 * twice + cells[at + 1 :]))
    return b"\n".join(changed)


def disorder_lines(content: bytes, rng: random.Random) -> bytes:
    """Return the text with lines repeated, dropped or exchanged."""
    lines = _lines(content)
    one, two = rng.randrange(len(lines)), rng.randrange(len(lines))
    action = rng.randrange(3)
    if action == 0:
        lines.insert(one, lines[two])
    elif action == 1:
        del lines[one]
    else:
        lines[one], lines[two] = lines[two], lines[one]
    return b"\n".join(lines)


def encode_otherwise(content: bytes, rng: random.Random) -> bytes:
    """Return text in another encoding or with other line ends."""
    text = content.decode("latin-1")
    return rng.choice(
        (
            text.encode("utf-16"),
            b"\xef\xbb\xbf" + content,
            content.replace(b"\n", b"\r\n"),
            content.replace(b"\n", b"\r"),
            content.replace(b",", rng.choice((b";", b"\t", b"|"))),
            content.upper(),
            content.replace(b"1", "١".encode()),
        )
    )


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits, cut, repeat, splice, replace_cell, replace_cell, replace_cell, shuffle_columns,
    drop_column, disorder_lines, encode_otherwise,
)  # fmt: skip


def mutated_inside(name: str, content: bytes, seed: int) -> bytes:
    """Return a sound container of any kind whose content was mutated."""
    rng = random.Random(seed)
    if name.endswith(".gz"):
        return gzip.compress(mutated(gzip.decompress(content), seed), mtime=0)
    if name.endswith(".parquet"):
        return _mutated_table(content, rng)
    if name.endswith((".geojson", ".json")):
        return _mutated_json(content, rng)
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(packed, "w") as target:
        for member in source.namelist():
            target.writestr(member, mutated(source.read(member), seed))
    return packed.getvalue()


def _mutated_table(content: bytes, rng: random.Random) -> bytes:
    """Return sound Parquet with a column of another type or value, gone, or renamed."""
    table = pq.read_table(io.BytesIO(content)).replace_schema_metadata(None)
    at, rows = rng.randrange(table.num_columns), table.num_rows
    name = table.column_names[at]
    texts = [str(value) for value in table.column(at).to_pylist()]
    if texts:
        texts[rng.randrange(rows)] = rng.choice(NASTY).encode("utf-8", "replace").decode()
    columns: tuple[pa.Array, ...] = (
        pa.array(texts, pa.string()), pa.array(texts, pa.string()), pa.array(texts, pa.string()),
        pa.nulls(rows), pa.array([b"\xff"] * rows), pa.array([[1]] * rows),
        pa.array([float("nan")] * rows), pa.array([2**63 - 1] * rows), pa.array([True] * rows),
        pa.array([0] * rows, pa.timestamp("ns")), pa.array([0] * rows, pa.date32()),
        pa.array([None, *texts[1:]], pa.string()).dictionary_encode(),
    )  # fmt: skip
    action = rng.randrange(12)
    if action == 0:
        table = table.drop_columns([name])
    elif action == 1:
        table = table.rename_columns([rng.choice(NASTY[:40]), *table.column_names[1:]])
    elif action == 2:
        table = pa.concat_tables([table, table.slice(0, rng.randint(0, rows))])
    else:
        table = table.set_column(at, name, rng.choice(columns))
    packed = io.BytesIO()
    pq.write_table(table, packed)
    return packed.getvalue()


def _mutated_json(content: bytes, rng: random.Random) -> bytes:
    """Return sound JSON with one value somewhere in it replaced, dropped or repeated."""
    document = json.loads(content)
    spots: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            spots.append((value, key))
            if isinstance(value[key], dict | list):
                walk(value[key])

    walk(document)
    for _ in range(rng.choice((1, 1, 2))):
        holder, key = rng.choice(spots)
        gone = key not in holder if isinstance(holder, dict) else key >= len(holder)
        if gone:
            continue
        if rng.random() < 0.2:
            del holder[key]
        else:
            holder[key] = rng.choice((*NASTY, *ODD_VALUES))
    return json.dumps(document).encode()


ODD_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 10**400, float("nan"), float("inf"), [], {}, [[]], [None], {"a": []},
    "\ud800", {"type": "Polygon", "coordinates": []}, {"type": "Point", "coordinates": [0]},
    {"type": "Point", "coordinates": [-0.12, 51.5, float("nan")]},
    {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1]]]},
    {"type": "GeometryCollection", "geometries": []},
)  # fmt: skip
