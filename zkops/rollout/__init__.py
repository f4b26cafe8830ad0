"""Carries a plan out behind gates: watched, recorded, and undone on failure."""
