"""Values only: frozen, from the standard library alone, no clock, no input or output. Everything else speaks them."""
