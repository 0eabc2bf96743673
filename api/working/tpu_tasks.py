"""What a worker does for the Trojan Proactive Unit: make a roster, with its table and its paper."""

from __future__ import annotations

from pathlib import Path

from allocator.tpu.roster import document
from allocator.tpu.tasking import roster_week
from api.briefing.tpu_paper import render_roster_pdf
from api.files.assessment_folder import read as read_assessment
from api.files.output import bytes_writer, json_text, text_writer, write_all
from api.files.tables import csv_text
from api.files.tpu_tables import roster_table
from api.working.progress import Unwatched, Watch
from api.working.study_orders import ROSTER_CSV, ROSTER_JSON, ROSTER_PDF, RosterDone, RosterOrder

UNWATCHED = Unwatched()
STEP = "Rostering the unit"


def make_roster(order: RosterOrder, staged: Path, watch: Watch = UNWATCHED) -> RosterDone:
    """Roster the unit and fill ``staged`` with the roster, its table and its paper.

    Raises
    ------
    TpuRefusedError, TpuInfeasibleError
        What ``arv tpu`` refuses, in the same words.
    """
    scored = read_assessment(order.assessment).assessment
    watch(STEP, 0.0)
    roster = roster_week(
        scored,
        order.request,
        seed=order.seed,
        epsilon=order.epsilon,
        published=order.published,
        time_limit_s=order.time_limit_s,
    )
    watch(STEP, 1.0)
    write_all(
        staged,
        {
            ROSTER_CSV: text_writer(csv_text(roster_table(roster))),
            ROSTER_PDF: bytes_writer(render_roster_pdf(roster, scored)),
            ROSTER_JSON: text_writer(json_text(document(roster))),
        },
    )
    return RosterDone(roster)
