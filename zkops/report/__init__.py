"""A recorded rollout becomes one HTML page and its JSON; pure but for writing the files."""
