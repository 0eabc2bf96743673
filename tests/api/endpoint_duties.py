"""Who may send what where, written by hand from the duties and not from the code.

One line an operation: method, path, the letters of the roles that may (``-`` is a stranger), and
marks:

- ``person``: by somebody who signed in, never with a key or the token of the first start;
- ``nokey``: never with a key;
- ``C``: refused without the scope when the week rests on material with handling code C;
- ``hidden``: then left out without the scope, as if it were not there.

An operation that is not here makes the tests fail: write down who may use it, and why not others.
"""

from __future__ import annotations

from dataclasses import dataclass

from api.access import Role

LETTERS = {
    "-": Role.ANYONE,
    "n": Role.ANALYST,
    "p": Role.PLANNER,
    "c": Role.CHAIR,
    "a": Role.APPROVER,
    "m": Role.COMMANDER,
    "b": Role.BOROUGH,
    "u": Role.AUDITOR,
    "x": Role.ADMINISTRATOR,
}

OPERATIONS = """
GET    /health                                              -npcambux
GET    /ready                                               -npcambux
GET    /metrics                                             x
GET    /rules                                               npcambux

GET    /allocate                                            npcamu    C
POST   /allocate                                            p
GET    /allocate/briefing.pdf                               npcamu    C
GET    /allocate/plan.geojson                               npcamu    C
GET    /allocate/verdict.json                               npcamu    C

GET    /assessment                                          npcamu    C
POST   /assessment                                          n
GET    /assessment/{table}.csv                              npcamu    C
GET    /assessments                                         npcamu
GET    /assessments/{assessment_id}                         npcamu    C
GET    /hot-spots                                           npcamu    C
GET    /hot-spots/{hot_spot_id}                             npcamu    C
GET    /boroughs                                            npcambu   C
GET    /boroughs/{code}                                     npcambu   C
GET    /wards                                               npcambu   C
GET    /wards/{code}                                        npcambu   C

POST   /feeds                                               n
GET    /feeds                                               npcamu
GET    /feeds/{receipt_id}                                  npcamu
GET    /feeds/{receipt_id}/rejected                         n
GET    /incidents                                           nb

GET    /fleets                                              npcamu
GET    /fleets/{fleet_id}                                   npcamu
PUT    /fleets/{fleet_id}                                   p
GET    /fleets/{fleet_id}/versions                          npcamu

GET    /events                                              npcamu
POST   /events                                              pc
GET    /events/{event_id}                                   npcamu
DELETE /events/{event_id}                                   pc
GET    /actions                                             npcamu
POST   /actions                                             npcam
GET    /actions/{action_id}                                 npcamu
POST   /actions/{action_id}/done                            npcam
POST   /actions/{action_id}/cancel                          npcam
POST   /actions/{action_id}/move                            npcam

GET    /plans                                               npcamu
POST   /plans                                               p
POST   /plans/fall-back                                     cam       person
GET    /plans/{key}                                         npcamu
POST   /plans/{key}/propose                                 pc
POST   /plans/{key}/approve                                 a         person
POST   /plans/{key}/reject                                  a         person
POST   /plans/{key}/publish                                 ca
POST   /plans/{key}/withdraw                                cam
POST   /plans/{key}/equality                                pc
POST   /plans/{key}/replan                                  p
GET    /plans/{key}/replan                                  npcamu    C
POST   /plans/{key}/simulate                                npca
GET    /plans/{key}/simulation                              npcamu    C
POST   /plans/{key}/compare                                 npca
GET    /plans/{key}/comparison                              npcamu    C
POST   /plans/{key}/alternatives                            npca
GET    /plans/{key}/alternatives                            npcamu    C
GET    /plans/{key}/patrol-areas.csv                        npcamu    C
GET    /plans/{key}/patrol-areas.gpkg                       npcamu    C
GET    /plans/{key}/patrol-areas.gpx                        npcamu    C
GET    /plans/{key}/patrol-areas.parquet                    npcamu    C

GET    /tpu                                                 npcamu
POST   /tpu                                                 pc
GET    /tpu/{roster_id}                                     npcamu
GET    /tpu/{roster_id}/roster.pdf                          npcamu
GET    /tpu/{roster_id}/roster.csv                          npcamu
GET    /tpu/{roster_id}/taskings                            npcamu
POST   /tpu/{roster_id}/propose                             pc
POST   /tpu/{roster_id}/authorise                           m         person


GET    /jobs                                                npcamu
GET    /jobs/{job_id}                                       npcamu
DELETE /jobs/{job_id}                                       npca
GET    /jobs/{job_id}/events                                npcamu
GET    /jobs/{job_id}/results                               npcamu

GET    /ogc                                                 npcambu
GET    /ogc/api                                             npcambu
GET    /ogc/conformance                                     npcambu
GET    /ogc/collections                                     npcambu
GET    /ogc/collections/boroughs                            npcambu
GET    /ogc/collections/boroughs/items                      npcambu   C
GET    /ogc/collections/boroughs/items/{feature_id}         npcambu   C
GET    /ogc/collections/wards                               npcambu
GET    /ogc/collections/wards/items                         npcambu   C
GET    /ogc/collections/wards/items/{feature_id}            npcambu   C
GET    /ogc/collections/hot-spots                           npcamu
GET    /ogc/collections/hot-spots/items                     npcamu    C
GET    /ogc/collections/hot-spots/items/{feature_id}        npcamu    C
GET    /ogc/collections/patrol-areas                        npcamu
GET    /ogc/collections/patrol-areas/items                  npcamu    hidden
GET    /ogc/collections/patrol-areas/items/{feature_id}     npcamu    hidden
GET    /ogc/collections/incidents                           nb
GET    /ogc/collections/incidents/items                     nb
GET    /ogc/collections/incidents/items/{feature_id}        nb

GET    /audit                                               u
GET    /audit/head                                          u
GET    /audit/{at}                                          u
POST   /audit/anchors                                       ux
POST   /audit/check                                         u

GET    /users                                               x         nokey
POST   /users                                               x         nokey
GET    /users/{name}                                        x         nokey
POST   /users/{name}/rights                                 x         nokey
POST   /users/{name}/close                                  x         nokey
POST   /users/{name}/reopen                                 x         nokey
POST   /users/{name}/password                               x         nokey
GET    /keys                                                x         nokey
POST   /keys                                                x         nokey
GET    /keys/{key_id}                                       x         nokey
POST   /keys/{key_id}/replace                               x         nokey
POST   /keys/{key_id}/revoke                                x         nokey
"""

#: What the token of the first start stands for: one person on one machine.
TOKEN_LETTERS = "npx"


@dataclass(frozen=True)
class Duty:
    """One line of the table."""

    method: str
    path: str
    letters: str
    marks: frozenset[str]

    @property
    def operation(self) -> tuple[str, str]:
        """Return method and path."""
        return self.method, self.path

    @property
    def public(self) -> bool:
        """True when a stranger may."""
        return "-" in self.letters


def duties(table: str = OPERATIONS) -> list[Duty]:
    """Return the lines of a table."""
    found = []
    for line in table.splitlines():
        if line.strip():
            method, path, letters, *marks = line.split()
            found.append(Duty(method, path, letters, frozenset(marks)))
    return found
