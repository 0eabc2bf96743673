"""Maps the meeting sees: one self-contained file each, no network."""
