"""Real ensembles in containers, clients that write to them, and the figures of what they saw."""
