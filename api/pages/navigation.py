"""The rooms of the service that a person may enter, as links for the head of every page."""

from __future__ import annotations

from dataclasses import dataclass

from api.access import Action, Actor, Resource, decide


@dataclass(frozen=True)
class Room:
    """One entry of the navigation: shown to whoever may do the action that opens it."""

    label: str
    path: str
    action: Action


ROOMS = (
    Room("Week", "/", Action.READ_PAGE),
    Room("Evidence", "/evidence", Action.READ_FEED),
    Room("Placement", "/placement", Action.MAKE_PLAN),
    Room("Verano", "/verano", Action.READ_TASKING),
    Room("Actions", "/actions-arising", Action.READ_ACTION),
    Room("Under way", "/under-way", Action.READ_JOB),
    Room("Decisions", "/decisions", Action.READ_AUDIT),
    Room("People", "/people", Action.MANAGE_USERS),
    Room("Keys", "/program-keys", Action.MANAGE_KEYS),
    Room("You may", "/may-do", Action.READ_RULES),
    Room("Interface", "/docs", Action.READ_INTERFACE),
)


@dataclass(frozen=True)
class RoomLink:
    """An entry as it is printed; ``here`` marks the room the page lies in."""

    label: str
    path: str
    here: bool


def navigation(actor: Actor, path: str) -> tuple[RoomLink, ...]:
    """Return the rooms open to an actor.

    Parameters
    ----------
    path
        Path of the page they are shown on.
    """
    here = Resource("page", borough=min(actor.boroughs, default=""))
    return tuple(
        RoomLink(room.label, room.path, _inside(room.path, path))
        for room in ROOMS
        if decide(actor, room.action, here).allowed
    )


def _inside(room: str, path: str) -> bool:
    return path == room or (room != "/" and path.startswith(f"{room}/"))
