"""Wards, boroughs and the roads between them. Import the module you need."""
