"""Every alert that a fault can bring about, end to end: a real Prometheus watches an ensemble on the sandbox."""
