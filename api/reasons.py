"""The reason a person gives for a decision: there, readable, and of bounded length."""

from __future__ import annotations

from api.refusals import PlanLifeRefusedError

LEAST_CHARACTERS = 3
MOST_CHARACTERS = 2000


def checked_reason(reason: str, what: str) -> str:
    """Return a reason with its white space tidied.

    Parameters
    ----------
    reason
        What the person wrote.
    what
        What it is a reason for, in the words of the refusal.

    Raises
    ------
    PlanLifeRefusedError
        When it is empty, longer than 2,000 characters, or holds characters that do not print.
    """
    tidy = " ".join(reason.split())
    if len(tidy) > MOST_CHARACTERS:
        raise PlanLifeRefusedError(
            f"the reason for {what} has {len(tidy):,} characters, more than {MOST_CHARACTERS:,}",
            remedy="give the reason in a few sentences and keep the rest in the meeting's paper",
        )
    if len(tidy) < LEAST_CHARACTERS:
        raise PlanLifeRefusedError(
            f"{what} needs a reason", remedy="say in a sentence why, for the record", value=reason
        )
    odd = next((sign for sign in tidy if not sign.isprintable()), None)
    if odd is not None:
        raise PlanLifeRefusedError(
            f"the reason for {what} holds the character U+{ord(odd):04X}, which does not print",
            remedy="leave it out",
        )
    return tidy
