"""Measurements beside peers and baselines. Run with `make bench`, never by the tests."""
