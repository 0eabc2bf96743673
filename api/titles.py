"""What the identifiers of the interface are called wherever a person reads them."""

from __future__ import annotations

from collections.abc import Mapping

#: What each action is, as words that follow "may".
ACTIONS: Mapping[str, str] = {
    "health.read": "see whether the service is up",
    "metrics.read": "read the counts of the service",
    "interface.read": "read the description of the interface",
    "static.read": "fetch the style sheet and scripts",
    "session.open": "sign in",
    "session.close": "sign out",
    "account.password": "replace one's own password",
    "page.read": "open the page of the week",
    "assessment.read": "read an assessment",
    "assessment.make": "have the evidence assessed",
    "incident.read": "read incident records",
    "feed.ingest": "take files of evidence in",
    "feed.read": "see how recent the evidence is",
    "feed.rejected": "read refused rows",
    "plan.read": "read a plan",
    "plan.make": "draft a plan",
    "plan.alter": "alter a plan by hand",
    "plan.propose": "propose a plan",
    "plan.approve": "approve a plan",
    "plan.reject": "send a plan back",
    "plan.publish": "publish a plan",
    "plan.withdraw": "withdraw a plan",
    "plan.fall_back": "fall back to the last approved plan",
    "plan.study": "have a plan simulated and compared",
    "borough.read": "read a borough's part of the picture",
    "fleet.read": "read the fleets",
    "fleet.keep": "keep the fleets",
    "event.read": "read the calendar of events",
    "event.keep": "keep the calendar of events",
    "action.read": "read the actions arising",
    "action.keep": "keep the actions arising",
    "job.read": "see what work is under way",
    "job.stop": "end work that is under way",
    "tasking.read": "read the roster of the proactive unit",
    "tasking.roster": "roster the proactive unit",
    "tasking.propose": "propose tactics that need authority",
    "tasking.authorise": "authorise tactics",
    "audit.read": "read the decision record",
    "audit.anchor": "take an anchor of the record",
    "users.manage": "keep the accounts of people",
    "keys.manage": "keep the keys of programs",
    "rules.read": "see what one may do",
}

#: What the layouts of evidence files are called.
LAYOUTS: Mapping[str, str] = {
    "meeting_feed": "The meeting's own layout",
    "police_uk_street": "police.uk street-level crime",
    "mps_dashboard_counts": "Metropolitan Police counts, one measure a row",
    "mps_wide_counts": "Metropolitan Police counts, one month a column",
}

#: The papers beside a plan.
PAPERS: Mapping[str, str] = {
    "verdict": "simulation verdict",
    "backtest_card": "backtest card",
    "equality_statement": "equality statement",
}

#: What the extra scopes of an account open.
SCOPES: Mapping[str, str] = {"handling-c": "material with handling code C"}


def in_words(identifier: str) -> str:
    """Return ``mobile_patrol`` as ``mobile patrol``: an identifier that has no title of its own."""
    return identifier.replace("_", " ").replace("-", " ")


def as_title(identifier: str) -> str:
    """Return ``tactic_1`` as ``Tactic 1``: words that stand alone, in a heading or a cell."""
    words = in_words(identifier)
    return words[:1].upper() + words[1:]
