"""What a server is told: the keys of zoo.cfg per version, defaults, linter, heap and sizing; pure."""
