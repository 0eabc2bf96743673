"""Views that a GIS opens directly, on PostGIS."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

#: Each view has one geometry of a known type and system, and a column that tells rows apart.
_VIEWS = {
    "gis_wards": """
        SELECT row_number() OVER (ORDER BY a.boundary_sha256, a.code)::integer AS id,
               a.code, a.name, a.borough_code, a.policed, s.assessment_id, s.as_of,
               s.classification, v.expected_per_week, v.lower_90, v.upper_90, v.tier, v.rank,
               a.geom::geometry(MultiPolygon, 27700) AS geom
        FROM areas a
        LEFT JOIN (SELECT DISTINCT ON (boundary_sha256) * FROM assessments
                   ORDER BY boundary_sha256, as_of DESC, created_utc DESC) s
               ON s.boundary_sha256 = a.boundary_sha256
        LEFT JOIN assessment_areas v ON v.assessment_id = s.assessment_id
              AND v.code = a.code AND v.target = 'demand'
        WHERE a.level = 'ward'
    """,
    "gis_boroughs": """
        SELECT row_number() OVER (ORDER BY a.boundary_sha256, a.code)::integer AS id,
               a.code, a.name, a.policed, s.assessment_id, s.as_of, s.classification,
               v.expected_per_week, v.lower_90, v.upper_90, v.tier, v.rank,
               a.geom::geometry(MultiPolygon, 27700) AS geom
        FROM areas a
        LEFT JOIN (SELECT DISTINCT ON (boundary_sha256) * FROM assessments
                   ORDER BY boundary_sha256, as_of DESC, created_utc DESC) s
               ON s.boundary_sha256 = a.boundary_sha256
        LEFT JOIN assessment_areas v ON v.assessment_id = s.assessment_id
              AND v.code = a.code AND v.target = 'demand'
        WHERE a.level = 'borough'
    """,
    "gis_patrol_areas": """
        SELECT row_number() OVER (ORDER BY p.week, u.unit_id)::integer AS id,
               p.week, u.unit_id, p.plan_key, p.approved_by, p.published_utc,
               string_agg(u.borough_code, ' ' ORDER BY u.borough_code) AS boroughs,
               ST_Multi(ST_Union(b.geom))::geometry(MultiPolygon, 27700) AS geom
        FROM plans p
        JOIN plan_versions n USING (plan_key, content_version)
        JOIN assessments s ON s.assessment_id = n.assessment_id
        JOIN plan_areas u USING (plan_key, content_version)
        JOIN areas b ON b.code = u.borough_code AND b.level = 'borough'
                    AND b.boundary_sha256 = s.boundary_sha256
        WHERE p.state = 'published' AND u.part = 'primary'
        GROUP BY p.week, u.unit_id, p.plan_key, p.approved_by, p.published_utc
    """,
    "gis_incidents": """
        SELECT i.incident_id AS id, i.record_id, i.source, i.category, i.basis,
               i.occurred_from_utc, i.occurred_to_utc, i.known_from_utc, i.notice,
               i.geom::geometry(Point, 27700) AS geom
        FROM incidents i
        WHERE i.geom IS NOT NULL AND coalesce(i.handling_code, 'P') = 'P'
          AND coalesce(i.correction, '') <> 'withdrawn'
          AND NOT EXISTS (SELECT 1 FROM incidents c WHERE c.corrects = i.record_id)
          AND EXISTS (SELECT 1 FROM receipt_rows r JOIN receipts f USING (receipt_id)
                      WHERE r.incident_id = i.incident_id AND f.state = 'active')
    """,
    "gis_events": """
        SELECT row_number() OVER (ORDER BY event_id)::integer AS id, event_id, title, kind,
               starts_utc, ends_utc, geom::geometry(Point, 27700) AS geom
        FROM events WHERE cancelled_utc IS NULL AND geom IS NOT NULL
    """,
}


def upgrade() -> None:
    """Make the views; incidents under handling code C are in none of them."""
    if op.get_context().dialect.name == "postgresql":
        for name, query in _VIEWS.items():
            op.execute(f"CREATE VIEW {name} AS {query}")


def downgrade() -> None:
    """Drop the views."""
    if op.get_context().dialect.name == "postgresql":
        for name in reversed(_VIEWS):
            op.execute(f"DROP VIEW {name}")
