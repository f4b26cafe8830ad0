"""The container registry, spoken to through the Docker Engine: login, digests, pushing, and its errors in sentences."""

import http.client
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import docker
from docker.errors import APIError, DockerException, NotFound
from requests.exceptions import RequestException

from zkops.config import yaml_file as document
from zkops.config.cluster import Cluster, Credentials
from zkops.config.keys import Key
from zkops.config.yaml_file import Document
from zkops.core import redaction as redact
from zkops.core.console import Step
from zkops.core.errors import BadInput, Failed, ZkopsError

ANSWER_SECONDS = 3.0


@dataclass(frozen=True, kw_only=True)
class Login:
    """User name and password for the registry; the password never shows in a repr."""

    username: str
    password: str = field(repr=False)

    def auth_config(self) -> dict[str, str]:
        """Give what the Docker SDK takes as `auth_config`."""
        return {"username": self.username, "password": self.password}


def login(cluster: Cluster) -> Login | None:
    """Read the registry's credentials from where `registry.credentials` says, None where it says nothing.

    Raises:
        BadInput: naming the variable, file or key that is missing, never a value.
    """
    credentials = cluster.registry.credentials
    if credentials is None:
        return None
    found = _read(cluster, credentials)
    redact.remember(found.username, found.password)
    return found


def _read(cluster: Cluster, credentials: Credentials) -> Login:
    if credentials.file and credentials.key:
        return _from_key(document.read(cluster.file(credentials.file)), tuple(credentials.key.split(".")))
    if credentials.file:
        return _from_file(cluster, credentials.file)
    return _from_environment(credentials)


def _from_environment(credentials: Credentials) -> Login:
    found = {}
    for key in ("username_env", "password_env"):
        name = getattr(credentials, key)
        found[key] = os.environ.get(name, "")
        if not found[key]:
            raise BadInput(
                f"registry.credentials.{key}: the environment variable {name} is not set",
                f"export {name}, or name another variable",
            )
    return Login(username=found["username_env"], password=found["password_env"])


def _from_file(cluster: Cluster, name: str) -> Login:
    file = cluster.file(name)
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise BadInput(
            f"registry.credentials.file: {file} cannot be read: {reason}",
            "write the lines `username: …` and `password: …` into it",
        ) from None
    found = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    for key in ("username", "password"):
        if not found.get(key):
            raise BadInput(f"registry.credentials.file: {file} has no {key}", f"add the line `{key}: …`")
    return Login(username=found["username"], password=found["password"])


def _from_key(found: Document, key: Key) -> Login:
    """Read the two where they stand in a file of somebody else's, also under OpenPAI's earlier names."""
    login = {}
    for name in ("username", "password"):
        spelled = ((*key, spelling) for spelling in (name, f"docker-{name}"))
        keys = [known for known in spelled if document.value(found.data, known) not in (None, "")]
        if not keys or keys[0] not in found.written:
            raise BadInput(f"{found.place((*key, name))}: is missing", "add it, or mend registry.credentials.key")
        login[name] = found.written[keys[0]]
    return Login(**login)


def check_scheme(cluster: Cluster) -> None:
    """Refuse a registry that speaks plain HTTP where that was not asked for.

    Docker itself allows it silently on 127.0.0.0/8, so it must be found out here.
    """
    domain = cluster.registry.domain
    if not cluster.registry.plain_http and ":" in domain and _answers_plain_http(domain):
        raise plain_http_unasked(domain)


def plain_http_unasked(domain: str) -> BadInput:
    """Give the error for a registry that speaks plain HTTP without leave."""
    return BadInput(
        f"registry.domain: {domain} speaks plain HTTP: anybody on the way can read the password and change the image",
        "set registry.plain_http to true if that is meant, or give the registry TLS",
    )


def _answers_plain_http(domain: str) -> bool:
    connection = http.client.HTTPConnection(domain, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/v2/")
        # A server that speaks TLS on this port answers 400, or not in HTTP at all.
        return connection.getresponse().status in {200, 401}
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def explain(message: str, cluster: Cluster, user: Login | None) -> ZkopsError:
    """Turn what the Docker Engine says of a registry into one sentence with its mend."""
    domain = cluster.registry.domain
    text = message.replace(user.password, "***") if user else message
    said = text.lower()
    if re.search(r"http response to https client|not look like a tls handshake", said):
        return _plain_http(cluster)
    if re.search(r"unauthorized|denied|authentication required|no basic auth|\b40[13]\b", said):
        return _refused(domain, user)
    if re.search(r"x509|certificate|tls:", said):
        return Failed(
            f"the certificate of the registry {domain} is not trusted: {text}",
            f"put its authority's certificate into /etc/docker/certs.d/{domain}/ca.crt",
        )
    if re.search(r"connection refused|no such host|timeout|no route|unreachable|\beof\b", said):
        start = "; the sandbox's is started by `invoke sandbox.up`" if cluster.sandbox else ""
        return Failed(
            f"the registry {domain} cannot be reached: {text}", f"see that it runs and registry.domain is right{start}"
        )
    return Failed(f"the registry {domain} or the Docker Engine says: {text}", "mend that, then run the same again")


def _plain_http(cluster: Cluster) -> ZkopsError:
    domain = cluster.registry.domain
    if not cluster.registry.plain_http:
        return plain_http_unasked(domain)
    return Failed(
        f"the Docker Engine does not speak plain HTTP to {domain}",
        f'add "insecure-registries": ["{domain}"] to /etc/docker/daemon.json and restart Docker',
    )


def _refused(domain: str, user: Login | None) -> Failed:
    if user:
        return Failed(
            f"the registry {domain} refuses the credentials of the user {user.username}",
            "mend what registry.credentials names, or give the user the right to push there",
        )
    return Failed(
        f"the registry {domain} wants a login",
        f"set registry.credentials in cluster.yaml, or run `docker login {domain}`",
    )


def digest(client: docker.DockerClient, reference: str, cluster: Cluster, user: Login | None) -> str | None:
    """Ask the registry for the digest of *reference*, None where it is not there."""
    try:
        found = client.api.inspect_distribution(reference, auth_config=user.auth_config() if user else None)
    except NotFound:
        return None
    except APIError as error:
        message = str(error.explanation or error)
        if "manifest unknown" in message.lower() or "name unknown" in message.lower():
            return None
        raise explain(message, cluster, user) from None
    except (DockerException, RequestException) as error:
        raise explain(str(error), cluster, user) from None
    return str(found["Descriptor"]["digest"])


def push(client: docker.DockerClient, tag: str, cluster: Cluster, user: Login | None, step: Step) -> str:
    """Push one tag of the cluster's repository and give the digest the registry knows it by."""
    auth = user.auth_config() if user else None
    try:
        events = client.api.push(cluster.repository, tag=tag, stream=True, decode=True, auth_config=auth)
        return follow(events, cluster, user, step)
    except APIError as error:
        raise explain(str(error.explanation or error), cluster, user) from None
    except (DockerException, RequestException) as error:
        raise explain(str(error), cluster, user) from None


def follow(events: Iterable[Mapping[str, Any]], cluster: Cluster, user: Login | None, step: Step) -> str:
    """Follow the events of a push: tell *step* the bytes sent, give the digest.

    Raises:
        ZkopsError: when an event is an error.
    """
    found, sent, sizes = "", dict[str, int](), dict[str, int]()
    for event in events:
        if "error" in event:
            raise explain(str(event["error"]), cluster, user)
        detail = event.get("progressDetail") or {}
        if str(event.get("status", "")).startswith("Retrying in"):
            step.update(f"the registry went away, the Docker Engine tries again: {event['status'].lower()}")
        elif "total" in detail:
            sent[event["id"]], sizes[event["id"]] = min(detail["current"], detail["total"]), detail["total"]
            step.update(f"{sum(sent.values()) / 1e6:.0f} of {sum(sizes.values()) / 1e6:.0f} MB")
        found = (event.get("aux") or {}).get("Digest", found)
    if not found:
        raise Failed(f"the registry {cluster.registry.domain} took the image but told no digest", "push again")
    return found
