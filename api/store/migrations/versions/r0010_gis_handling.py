"""The views for a GIS leave out what rests on handling code C."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_OPEN = "coalesce(handling_code, 'P') <> 'C'"
_LATEST = """
        LEFT JOIN (SELECT DISTINCT ON (boundary_sha256) * FROM assessments WHERE {shown}
                   ORDER BY boundary_sha256, as_of DESC, created_utc DESC) s
               ON s.boundary_sha256 = a.boundary_sha256
        LEFT JOIN assessment_areas v ON v.assessment_id = s.assessment_id
              AND v.code = a.code AND v.target = 'demand'
"""
#: The views of r0007 that show an assessment or a plan, with what they may show left open.
_VIEWS = {
    "gis_wards": """
        SELECT row_number() OVER (ORDER BY a.boundary_sha256, a.code)::integer AS id,
               a.code, a.name, a.borough_code, a.policed, s.assessment_id, s.as_of,
               s.classification, v.expected_per_week, v.lower_90, v.upper_90, v.tier, v.rank,
               a.geom::geometry(MultiPolygon, 27700) AS geom
        FROM areas a {latest}
        WHERE a.level = 'ward'
    """,
    "gis_boroughs": """
        SELECT row_number() OVER (ORDER BY a.boundary_sha256, a.code)::integer AS id,
               a.code, a.name, a.policed, s.assessment_id, s.as_of, s.classification,
               v.expected_per_week, v.lower_90, v.upper_90, v.tier, v.rank,
               a.geom::geometry(MultiPolygon, 27700) AS geom
        FROM areas a {latest}
        WHERE a.level = 'borough'
    """,
    "gis_patrol_areas": """
        SELECT row_number() OVER (ORDER BY p.week, u.unit_id)::integer AS id,
               p.week, u.unit_id, p.plan_key, p.approved_by, p.published_utc,
               string_agg(u.borough_code, ' ' ORDER BY u.borough_code) AS boroughs,
               ST_Multi(ST_Union(b.geom))::geometry(MultiPolygon, 27700) AS geom
        FROM plans p
        JOIN plan_versions n USING (plan_key, content_version)
        JOIN assessments s ON s.assessment_id = n.assessment_id AND {shown}
        JOIN plan_areas u USING (plan_key, content_version)
        JOIN areas b ON b.code = u.borough_code AND b.level = 'borough'
                    AND b.boundary_sha256 = s.boundary_sha256
        WHERE p.state = 'published' AND u.part = 'primary'
        GROUP BY p.week, u.unit_id, p.plan_key, p.approved_by, p.published_utc
    """,
}


def upgrade() -> None:
    """Show the latest assessment, and the published plans, that no handling code C is behind."""
    _show(_OPEN)


def downgrade() -> None:
    """Show the latest assessment and every published plan."""
    _show("TRUE")


def _show(shown: str) -> None:
    """Put the views in place of the former ones, so that what was granted on them stays."""
    if op.get_context().dialect.name == "postgresql":
        latest = _LATEST.format(shown=shown)
        for name, query in _VIEWS.items():
            put = query.format(shown=shown, latest=latest)
            op.execute(f"CREATE OR REPLACE VIEW {name} AS {put}")
