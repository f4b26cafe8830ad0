"""Parts of the world in memory or on the loopback: a Kubernetes API, servers, an ensemble."""
