"""Every endpoint of the service, in the order they are tried."""

from __future__ import annotations

from api.routes import (
    allocate,
    assessment,
    borough,
    decision_page,
    feeds,
    health,
    incidents,
    interface,
    jobs,
    ogc,
    plan_exports,
    plans,
    record_page,
    sign_in,
    static,
    week_page,
)

ENDPOINTS = (
    *health.ENDPOINTS,
    *interface.ENDPOINTS,
    *static.ENDPOINTS,
    *sign_in.ENDPOINTS,
    *allocate.ENDPOINTS,
    *assessment.ENDPOINTS,
    *plans.ENDPOINTS,
    *feeds.ENDPOINTS,
    *incidents.ENDPOINTS,
    *borough.ENDPOINTS,
    *jobs.ENDPOINTS,
    *ogc.ENDPOINTS,
    *plan_exports.ENDPOINTS,
    *decision_page.ENDPOINTS,
    *record_page.ENDPOINTS,
    *week_page.ENDPOINTS,
)
