"""The linter of zoo.cfg: what is wrong with a configuration, why, and what to write instead; pure."""
