"""Histories of what clients saw, and checkers that find what no right ensemble could have answered."""
