"""The real image, started by testcontainers, in every state its promises speak of."""
