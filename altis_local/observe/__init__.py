"""Observation: what the clients can read, as one frozen Snapshot. Changes nothing."""
