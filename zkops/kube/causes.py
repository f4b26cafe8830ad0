"""Known causes of a member that does not come up, recognised in what Kubernetes and the member say; pure."""

import re
from collections.abc import Iterable, Sequence

from zkops.config.cluster import Ports

BIND = re.compile(r"BindException|Address already in use")

KNOWN = tuple(
    (re.compile(pattern, re.IGNORECASE), cause)
    for pattern, cause in (
        (
            r"hostPath type check failed: (?P<it>\S+) is not a directory",
            "{it} on this node is no directory; move it away, or set another directory in paths",
        ),
        (
            r"violates PodSecurity",
            "the namespace forbids host networks and host paths, which the members need; label it"
            " pod-security.kubernetes.io/enforce=privileged (kubectl label namespace), or choose another namespace",
        ),
        (
            r"read-only file system",
            "the data directory is on a file system mounted read-only; mount it writable, see `dmesg` on this node",
        ),
        (
            r"Committed proposal cached out of order|CRC check failed|Last transaction was partial",
            "the member's files are damaged; while the others have a quorum, move version-2 in its data and in its log"
            " directory aside: it then learns everything from the leader",
        ),
        (r"no space left on device", "the disk of this node is full; make room on it"),
        (
            r"free ports for the requested pod ports",
            "a port of the member is taken by another pod of this node; stop that, or set other ports",
        ),
        (
            r"(had|untolerated) taint \{(?P<it>[\w./-]+)[^}]*\}",
            "this node has the taint {it}; add it to kubernetes.tolerations, or take it away",
        ),
        (
            r"insufficient (?P<it>memory|cpu)",
            "this node has not the {it} that the member asks for; lower it in resources, or make room",
        ),
        (
            r"OOMKilled|exit code 137",
            "the member was killed, most likely for want of memory; raise resources.memory.limit, or lower heap",
        ),
        (
            r"HTTP response to HTTPS client",
            "this node expects TLS of the registry, which speaks plain HTTP; describe it in the node's containerd",
        ),
        (r"pull.*(x509|certificate)", "this node does not trust the registry's certificate; put its authority there"),
        (
            r"pull.*(\b40[13]\b|unauthorized|denied|authorization failed)",
            "the registry refuses this node's login; mend what registry.credentials names, then run `invoke deploy`",
        ),
        (
            r"pull.*(no route to host|unreachable|connection refused|timeout|no such host|EOF|reset by peer)",
            "this node cannot reach the registry; mend its network or its registry mirror",
        ),
        (r"pull.*not found", "the registry does not have the image; run `invoke build push`"),
    )
)


def known(said: Iterable[str], ports: Ports) -> str:
    """Give the cause, with its mend, that the lines *said* by Kubernetes and the member tell; empty for none known."""
    lines = list(said)
    for number, line in enumerate(lines):
        if BIND.search(line):
            port = _port(lines[: number + 1], ports)
            return f"{port} is taken by another process of this node; stop that, or set other ports"
    for line in lines:
        for pattern, cause in KNOWN:
            if found := pattern.search(line):
                return cause.format(it=next(filter(None, found.groupdict().values()), ""))
    return ""


def _port(lines: Sequence[str], ports: Ports) -> str:
    """Name the port that was spoken of last before it could not be had."""
    numbers = {str(number): name for name, number in ports.model_dump().items()}
    spoken = (word for line in reversed(lines) for word in reversed(re.findall(r":(\d+)\b", line)))
    found = next((word for word in spoken if word in numbers), None)
    return f"port {found} ({numbers[found]})" if found else f"one of the ports {', '.join(numbers)}"
