"""`arv users`: accounts and API keys, kept by whoever administers this machine."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from api.accounts.closing import end_user, reopen_user
from api.accounts.directory import User, all_users
from api.accounts.keys import LONGEST_OVERLAP, ApiKey, add_key, all_keys, replace_key, revoke_key
from api.accounts.oidc import Identity
from api.accounts.passwords import Passwords, one_time_password
from api.accounts.rights import checked_rights
from api.accounts.users import add_user, change_rights, link_identity, reset_password
from api.cli.app import arv, say
from api.cli.operator import Database, DataDir, operator
from api.cli.options import Json
from api.files.output import write_json
from api.organisation import read_organisation
from api.record_folder import open_record
from api.settings import data_directory

commands = typer.Typer(
    no_args_is_help=True,
    help="Accounts of people and keys of programs.\n\nRoles: analyst, planner, chair, approver, "
    "commander, borough, auditor, administrator (what each may do is in docs/access.md). Nobody "
    "approves what they drafted, altered or proposed, whatever roles they hold.\n\n"
    "Start: `arv users add ann.miller --display-name 'Ann Miller' --role planner`",
)
arv.add_typer(commands, name="users")

Name = Annotated[str, typer.Argument(help="Name people sign in with.")]
Roles = Annotated[list[str], typer.Option("--role", help="A role; repeat for more.")]
Boroughs = Annotated[
    list[str] | None,
    typer.Option("--borough", metavar="E09…", help="For the role borough; repeat for more."),
]
Scopes = Annotated[
    list[str] | None, typer.Option("--scope", help="handling-c opens material with that code.")
]
Reason = Annotated[str, typer.Option(help="Why, for the record.")]


@commands.command("add")
def add(
    name: Name,
    *,
    display_name: Annotated[str, typer.Option(help="What the person is called.")],
    role: Roles,
    borough: Boroughs = None,
    scope: Scopes = None,
    data: DataDir = None,
    database: Database = None,
) -> None:
    """Make an account and print its one-time password, to be changed at the first sign-in."""
    rights = checked_rights(role, borough or (), scope or ())
    once, passwords = one_time_password(), Passwords()
    with open_record(data_directory(data), database) as record:
        user = add_user(
            record, name, display_name, rights, by=operator(), password_hash=passwords.hashed(once)
        )
    _print(f"One-time password of {user.name} (shown once, good for 7 days): {once}")


@commands.command("list")
def show(*, data: DataDir = None, database: Database = None, json_file: Json = None) -> None:
    """List the accounts with their roles, boroughs and scopes."""
    with (
        open_record(data_directory(data), database, create=False) as record,
        record.store.read() as tx,
    ):
        found = all_users(tx)
    write_json(json_file, [_document(one) for one in found])
    if json_file == "-":
        return
    titles = read_organisation(data_directory(data)).roles
    table = Table("name", "display name", "roles", "boroughs", "scopes", "state")
    for one in found:
        roles = ", ".join(sorted(titles[role] for role in one.roles))
        state = "open" if one.active else "closed"
        if one.active and one.must_change_password:
            state = "one-time password"
        cells = (one.name, one.display_name, roles, " ".join(sorted(one.boroughs)),
                 " ".join(sorted(one.scopes)), state)  # fmt: skip
        table.add_row(*(cell.replace("[", "\\[") for cell in cells))
    Console().print(table)


@commands.command("rights")
def rights(
    name: Name,
    *,
    role: Roles,
    reason: Reason,
    borough: Boroughs = None,
    scope: Scopes = None,
    data: DataDir = None,
    database: Database = None,
) -> None:
    """Give an account these roles, boroughs and scopes in place of those it has."""
    wanted = checked_rights(role, borough or (), scope or ())
    with open_record(data_directory(data), database, create=False) as record:
        user = change_rights(record, name, wanted, by=operator(), reason=reason)
    say(f"{user.name}: {', '.join(sorted(user.roles))}. Their sessions have ended.")


@commands.command("password")
def password(name: Name, *, data: DataDir = None, database: Database = None) -> None:
    """Replace a forgotten password by a one-time password, and print it."""
    once, passwords = one_time_password(), Passwords()
    with open_record(data_directory(data), database, create=False) as record:
        user = reset_password(record, name, passwords.hashed(once), by=operator())
    _print(f"One-time password of {user.name} (shown once, good for 7 days): {once}")


@commands.command("close")
def close(name: Name, *, reason: Reason, data: DataDir = None, database: Database = None) -> None:
    """Close an account; what it did stays in the record."""
    with open_record(data_directory(data), database, create=False) as record:
        user = end_user(record, name, by=operator(), reason=reason)
    say(f"{user.name} is closed. Their sessions and keys open nothing any more.")


@commands.command("reopen")
def reopen(name: Name, *, reason: Reason, data: DataDir = None, database: Database = None) -> None:
    """Open a closed account again, with a one-time password; its old keys stay ended."""
    once, passwords = one_time_password(), Passwords()
    with open_record(data_directory(data), database, create=False) as record:
        user = reopen_user(record, name, passwords.hashed(once), by=operator(), reason=reason)
    _print(f"One-time password of {user.name} (shown once, good for 7 days): {once}")


@commands.command("link")
def link(
    name: Name,
    *,
    issuer: Annotated[str, typer.Option(help="The issuer, as its tokens name it (iss).")],
    subject: Annotated[str, typer.Option(help="The person, as its tokens name them (sub).")],
    data: DataDir = None,
    database: Database = None,
) -> None:
    """Let a person sign in to an account through an OpenID Connect issuer."""
    with open_record(data_directory(data), database, create=False) as record:
        user = link_identity(record, name, Identity(issuer, subject), by=operator())
    say(f"{user.name} may sign in as {subject} of {issuer}.")


@commands.command("key")
def key(
    owner: Annotated[str, typer.Argument(help="The account the key acts for.")],
    *,
    action: Annotated[
        list[str], typer.Option("--action", help="An action it opens, such as plan.read; repeat.")
    ],
    label: Annotated[str, typer.Option(help="What it is for.")],
    days: Annotated[int, typer.Option(min=1, max=366, help="When it ends.")] = 90,
    scope: Scopes = None,
    data: DataDir = None,
    database: Database = None,
) -> None:
    """Make a key for a program and print it, once. Approving takes a person: no key does it."""
    with open_record(data_directory(data), database, create=False) as record:
        made, secret = add_key(
            record, owner, label, action, life=timedelta(days=days), by=operator(),
            scopes=scope or (),
        )  # fmt: skip
    _print(f"Key {made.key_id} until {made.expires:%d %B %Y} (shown once): {secret}")


@commands.command("keys")
def keys(*, data: DataDir = None, database: Database = None, json_file: Json = None) -> None:
    """List the keys, without their secrets: what they open, when they end and were last used."""
    with (
        open_record(data_directory(data), database, create=False) as record,
        record.store.read() as tx,
    ):
        found = all_keys(tx)
    write_json(json_file, [_key_document(one) for one in found])
    if json_file == "-":
        return
    table = Table("key", "acts for", "label", "actions", "ends", "last used", "state")
    for one in found:
        state = f"ended {one.revoked:%d %b %Y}" if one.revoked else ""
        used = f"{one.last_used:%d %b %Y}" if one.last_used else "never"
        cells = (one.key_id, one.owner, one.label, " ".join(one.actions),
                 f"{one.expires:%d %b %Y}", used, state)  # fmt: skip
        table.add_row(*(cell.replace("[", "\\[") for cell in cells))
    Console().print(table)


@commands.command("replace-key")
def new_key(
    key_id: Annotated[str, typer.Argument(help="The identifier of the old key, k…")],
    *,
    days: Annotated[int, typer.Option(min=1, max=366, help="When the new key ends.")] = 90,
    overlap_days: Annotated[
        int,
        typer.Option(
            min=0,
            max=LONGEST_OVERLAP.days,
            help="How long the old key goes on beside the new one; 0 ends it at once.",
        ),
    ] = 7,
    data: DataDir = None,
    database: Database = None,
) -> None:
    """Make a key like another and print it, once; the old one goes on for a few days."""
    life, overlap = timedelta(days=days), timedelta(days=overlap_days)
    with open_record(data_directory(data), database, create=False) as record:
        old, made, secret = replace_key(record, key_id, life=life, overlap=overlap, by=operator())
    _print(f"Key {made.key_id} until {made.expires:%d %B %Y} (shown once): {secret}")
    ends = "is ended" if old.revoked else f"goes on until {old.expires:%d %B %Y, %H:%M} UTC"
    say(f"{old.key_id} {ends}.")


@commands.command("end-key")
def end_key(
    key_id: Annotated[str, typer.Argument(help="Its identifier, k…")],
    *,
    reason: Reason,
    data: DataDir = None,
    database: Database = None,
) -> None:
    """End a key before its time."""
    with open_record(data_directory(data), database, create=False) as record:
        ended = revoke_key(record, key_id, by=operator(), reason=reason)
    say(f"{ended.key_id} opens nothing any more.")


def _key_document(key: ApiKey) -> dict[str, Any]:
    moments = {name: getattr(key, name) for name in ("created", "expires", "revoked", "last_used")}
    return {**vars(key), **{name: at.isoformat() if at else None for name, at in moments.items()}}


def _document(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "display_name": user.display_name,
        "roles": sorted(user.roles),
        "boroughs": sorted(user.boroughs),
        "scopes": sorted(user.scopes),
        "active": user.active,
        "must_change_password": user.must_change_password,
    }


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
