"""A real Prometheus in a container, set up by rendered files, and what it says."""

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.waiting import until
from zkops.images import docker as engine

TAG = "zkops/test:prometheus"
CONTEXT = Path(__file__).parent / "contexts" / "prometheus"


@dataclass(frozen=True)
class Prometheus:
    """A server that answers at *address*."""

    address: str

    def ask(self, path: str, **query: str) -> Any:
        """Ask its API; give what it says."""
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Evaluate an expression now."""
        found: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return found

    def firing(self) -> set[str]:
        """Name the alerts that fire now."""
        alerts = self.ask("alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def is_up(self) -> bool:
        """Whether it answers yet."""
        try:
            return self.ask("status/runtimeinfo") is not None
        except OSError:
            return False


@contextmanager
def running(base: str, files: Mapping[str, str], network: str, directory: Path) -> Iterator[Prometheus]:
    """Run one in a network of the Engine with *files*, name to text, which are written to *directory*."""
    engine.build(CONTEXT, TAG, args={"BASE": base})
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)  # its user is not ours
    for name, text in files.items():
        (directory / Path(name).name).write_text(text)
    mount = {str(directory): {"bind": "/rules", "mode": "ro"}}
    with closing(engine.connect()) as client:
        container = client.containers.create(TAG, volumes=mount, network=network)
        try:
            container.start()
            container.reload()
            made = Prometheus(f"{container.attrs['NetworkSettings']['Networks'][network]['IPAddress']}:9090")
            until(made.is_up, "Prometheus answers", pause=0.2)
            yield made
        finally:
            container.remove(force=True, v=True)
