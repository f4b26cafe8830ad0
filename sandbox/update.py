"""Writes the module files of the sandbox's Kubernetes for the newest releases; `nox -t update` runs it.

It needs a Go module proxy. Read the difference, then run `nox -s cluster -- --kubernetes VERSION` for what changed.
"""

import io
import re
import tarfile
from contextlib import closing

from sandbox import programs
from sandbox.choice import MODULES, OLDEST
from zkops import cli
from zkops.config.cluster import Sources
from zkops.config.types import KUBERNETES_VERSIONS
from zkops.core.console import say, step
from zkops.core.errors import Failed
from zkops.core.redaction import redacted
from zkops.images import daemon
from zkops.images import docker as engine

NAME = "zkops-sandbox-update"


@cli.script
def main() -> None:
    """Ask for the newest releases, and put their module files in place of the former ones."""
    daemon.ensure()
    versions = [version for version in KUBERNETES_VERSIONS if version != OLDEST]
    image = programs.compiler(Sources())
    command = ["sh", "/src/update.sh", *versions]
    with closing(engine.connect(timeout=programs.SILENCE_SECONDS)) as client, step("look for new releases") as current:
        try:
            container = programs.started(client, image, command, NAME)
            said = []
            for line in programs.lines(container.logs(stream=True, follow=True)):
                said.append(redacted(line))
                current.update(said[-1])
            if container.wait()["StatusCode"]:
                raise Failed(f"the module files cannot be written:{engine.tail_of(said)}")
            for folder in ("versions", "runtime"):
                stream, _ = container.get_archive(f"/src/{folder}")
                with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
                    tar.extractall(MODULES, filter="data")
        finally:
            programs.remove(client, NAME)
    say("\n".join(line for line in said if re.fullmatch(r"[\w./]+ v[\w.]+", line)))


if __name__ == "__main__":
    main()
