"""Rosters of the Trojan Proactive Unit in the record, and the taskings that come of them."""
