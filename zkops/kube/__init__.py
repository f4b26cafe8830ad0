"""The only speaker to Kubernetes: client, observation, lease, tunnel, logs and access."""
