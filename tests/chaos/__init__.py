"""Chaos: every operation of the tool with faults laid over it, under clients whose histories are checked."""
