"""How this machine reaches Go modules: its proxies, its Go settings, the authorities that it trusts."""

import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from zkops.core.redaction import remember

# GOTOOLCHAIN is not among them: the compiler's image brings the one that is used.
SETTINGS = ("GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE", "GOVCS", "GOFLAGS")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")

TRUSTED = "/etc/ssl/certs/ca-certificates.crt"
"""Where Debian keeps the authorities that are trusted: where a container looks for them."""

# Where other distributions keep the same file: https://go.dev/src/crypto/x509/root_linux.go
_BUNDLES = (TRUSTED, "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem")


def settings(environment: Mapping[str, str], go_env: str = "") -> dict[str, str]:
    """Pick what a container needs from *environment* and from the text of Go's own settings, which it overrides.

    Passwords among them are remembered, so that no message and no log shows them.
    """
    written = dict(line.split("=", 1) for line in go_env.splitlines() if "=" in line)
    found = {name: environment.get(name) or written.get(name, "") for name in SETTINGS}
    found |= {name: environment.get(name, "") for name in PROXIES}
    for value in found.values():
        for url in re.split(r"[,|]", value):
            login = urlsplit(url.strip())
            if login.password:
                remember(login.username or "", login.password)
                remember(login.username or "", unquote(login.password))
    return {name: value for name, value in found.items() if value}


def of_this_machine() -> dict[str, str]:
    """Give the settings of whoever runs this, also those made with `go env -w`."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    file = Path(os.environ.get("GOENV") or home / "go" / "env")
    return settings(os.environ, file.read_text(encoding="utf-8") if file.is_file() else "")


def mounts(found: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Give what a container mounts, read-only: the trusted authorities, and module proxies that are directories."""
    folders = re.findall(r"file://(/[^,|]+)", found.get("GOPROXY", ""))
    mounted = {folder: {"bind": folder, "mode": "ro"} for folder in folders}
    bundle = trusted()
    return mounted | ({str(bundle): {"bind": TRUSTED, "mode": "ro"}} if bundle else {})


def trusted() -> Path | None:
    """Find the file of the authorities that this machine trusts; None where it is not in a known place."""
    named = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().openssl_cafile
    return next((path for path in map(Path, (named, *_BUNDLES)) if path.is_file()), None)
