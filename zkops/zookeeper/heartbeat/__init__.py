"""A client that writes while an ensemble is changed, and what it measured."""
