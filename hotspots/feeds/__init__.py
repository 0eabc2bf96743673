"""Readers, one for each real format; the doors are ``reader`` and ``event_log``."""
