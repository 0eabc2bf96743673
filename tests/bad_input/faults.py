"""Every named fault of the corpus, reader by reader."""

from __future__ import annotations

from tests.bad_input.faults_documents import ASSESSMENTS, FLEETS, PLANS, POLICIES
from tests.bad_input.faults_feeds import COUNTS, EVENTS, FEEDS, SIDECARS
from tests.bad_input.faults_places import BOUNDARIES, WARDS

FAULTS = (
    *FEEDS,
    *COUNTS,
    *SIDECARS,
    *EVENTS,
    *BOUNDARIES,
    *WARDS,
    *FLEETS,
    *POLICIES,
    *PLANS,
    *ASSESSMENTS,
)
