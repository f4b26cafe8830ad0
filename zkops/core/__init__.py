"""Errors, terminal, redaction, units and waiting; knows nothing of ZooKeeper."""
