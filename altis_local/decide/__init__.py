"""Decisions: pure functions from (Spec, Snapshot, Recent) to Steps. No clock, no input or output, no randomness."""
