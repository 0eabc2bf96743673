"""Scored places to patrol plan. Import the module you need; nothing is re-exported here."""
