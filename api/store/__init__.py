"""The system of record: one schema, kept by SQLite on one machine or by PostgreSQL with PostGIS."""
