"""OGC API Features: the week's places and records for a GIS."""
