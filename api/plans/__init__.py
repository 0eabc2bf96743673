"""The life of a plan after the solver: its record, its rules, its papers and its files."""
