"""The audit record: who did what, when and why, in rows that each seal the one before."""
