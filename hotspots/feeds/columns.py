"""Which columns a feed may have: known ones are kept, unknown ones named, personal ones refused."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hotspots.errors import FeedRefusedError
from hotspots.feeds.options import ReadOptions

#: Words that mark a column as personal data or free narrative (plural and case ignored).
_PERSONAL_WORDS = frozenset(
    {
        "forename",
        "surname",
        "firstname",
        "lastname",
        "fullname",
        "initials",
        "nominal",
        "person",
        "people",
        "suspect",
        "victim",
        "witness",
        "offender",
        "informant",
        "complainant",
        "accused",
        "detainee",
        "defendant",
        "nickname",
        "alias",
        "dob",
        "birth",
        "birthdate",
        "birthday",
        "age",
        "vrm",
        "vrn",
        "vrms",
        "registration",
        "reg",
        "numberplate",
        "plate",
        "vehicle",
        "address",
        "postcode",
        "phone",
        "telephone",
        "mobile",
        "msisdn",
        "imei",
        "email",
        "mail",
        "narrative",
        "note",
        "notes",
        "mo",
        "modus",
        "operandi",
        "description",
        "descriptive",
        "summary",
        "detail",
        "details",
        "comment",
        "comments",
        "remarks",
        "freetext",
        "text",
        "ethnicity",
        "ethnic",
        "race",
        "nationality",
        "religion",
        "gender",
        "sex",
        "sexuality",
        "disability",
        "pnc",
        "pncid",
        "cro",
        "nino",
        "nhs",
        "passport",
        "custody",
        "occupation",
        "officer",
        "warrant",
        "collar",
        "photo",
    }
)
_NAME_OF_A_PLACE = frozenset(
    {
        "ward",
        "borough",
        "area",
        "district",
        "lsoa",
        "msoa",
        "lad",
        "la",
        "place",
        "station",
        "location",
        "street",
        "road",
        "file",
        "source",
        "layer",
        "series",
        "unit",
        "force",
        "bcu",
        "region",
        "county",
        "column",
        "category",
        "set",
        "crime",
    }
)
_SPLIT = re.compile(r"[^a-z0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def is_personal(column: str) -> bool:
    """Tell whether a column name says that it holds personal data or free narrative."""
    words = [w for w in _SPLIT.split(_CAMEL.sub("_", column).casefold()) if w]
    singular = {w.removesuffix("s") for w in words} | set(words)
    if singular & _PERSONAL_WORDS:
        return True
    return "name" in singular and not singular & _NAME_OF_A_PLACE


def settle_columns(
    names: Iterable[str], known: Iterable[str], file: str, options: ReadOptions
) -> tuple[str, ...]:
    """Return the unknown columns that are dropped, in file order.

    Raises
    ------
    FeedRefusedError
        An unknown column looks like personal data and the options do not drop such.
    """
    kept = frozenset(known)
    unknown = [name for name in names if name not in kept]
    personal = [name for name in unknown if is_personal(name)]
    if personal and not options.drop_personal_columns:
        raise FeedRefusedError(
            f"the columns {', '.join(repr(p) for p in personal[:8])} look like personal data or "
            "free narrative, which are not imported",
            remedy="leave them out of the export, or read the file again with the option to "
            "drop personal columns",
            file=file,
            column=personal[0],
        )
    return tuple(unknown)


def require_columns(names: Iterable[str], required: Iterable[str], file: str, what: str) -> None:
    """Refuse a table that lacks a required column, naming it and what was found."""
    found = list(names)
    missing = [name for name in required if name not in found]
    if missing:
        raise FeedRefusedError(
            f"the required column{'s' * (len(missing) > 1)} {', '.join(missing)} "
            f"{'are' if len(missing) > 1 else 'is'} missing from this {what}; found: "
            f"{', '.join(found[:30])}",
            remedy="add the column, spelt exactly so, and export again",
            file=file,
            column=missing[0],
        )
