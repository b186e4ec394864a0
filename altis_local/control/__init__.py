"""The control plane: one loop that observes, decides and acts; a journal; a small HTTP API; a resolver that says no."""
