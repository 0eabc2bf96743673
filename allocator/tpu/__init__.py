"""The tasking of the Trojan Proactive Unit: its rules, its roster, its proof and its words."""
