"""Shared by the unit tests."""

from hypothesis import settings

# How long one example takes says more of the machine's load than of the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
