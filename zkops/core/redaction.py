"""Secrets in use, taken out of everything that is printed: the last line of defence, for texts made by others."""

import base64

_secrets: set[str] = set()
SHORTEST = 4
"""Shorter ones would take pieces out of ordinary words; they are kept out by not being put anywhere."""


def remember(username: str, password: str) -> None:
    """Never print *password* from now on, nor the login as registries and pull secrets encode it."""
    login = base64.b64encode(f"{username}:{password}".encode()).decode()
    _secrets.update(secret for secret in (password, login) if len(secret) >= SHORTEST)


def redacted(text: str) -> str:
    """Give *text* with every secret in use replaced."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, "***").replace(repr(secret)[1:-1], "***")
    return text
