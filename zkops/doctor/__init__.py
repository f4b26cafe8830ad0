"""Probes and their verdicts, each with cause and fix."""
