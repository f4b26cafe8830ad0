"""A real Prometheus that watches an ensemble of containers."""

from contextlib import AbstractContextManager
from pathlib import Path

from tests.support.prometheus import Prometheus, running
from zkops.config.cluster import Cluster, Machine
from zkops.manifests import monitoring

from .servers import Ensemble, Server


def network_of(server: Server) -> tuple[str, str]:
    """Give the network that a server is in, and its address there."""
    wrapped = server.container.get_wrapped_container()
    wrapped.reload()
    ((name, settings),) = wrapped.attrs["NetworkSettings"]["Networks"].items()
    return name, settings["IPAddress"]


def described(cluster: Cluster, ensemble: Ensemble) -> Cluster:
    """Describe the members as machines, found by a file of targets."""
    machines = tuple(
        Machine(hostname=f"zoo{number}", ip=network_of(member)[1], id=number)
        for number, member in enumerate(ensemble.members, start=1)
    )
    monitored = cluster.monitoring.model_copy(update={"scrape": "targets"})
    return cluster.model_copy(update={"machines": machines, "monitoring": monitored})


def watching(base: str, cluster: Cluster, network: str, directory: Path) -> AbstractContextManager[Prometheus]:
    """Let a Prometheus in *network* watch the machines of *cluster*, by the files in *directory*."""
    return running(base, monitoring.files(cluster), network, directory)
