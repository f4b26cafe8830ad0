"""One module per `invoke` verb, which composes what the other wings offer."""
