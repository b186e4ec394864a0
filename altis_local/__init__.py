"""A faithful copy of one Altis Cloud environment on one machine, with drills that end in a proven verdict."""

__version__ = "0.1.0"
__all__ = ["__version__"]
