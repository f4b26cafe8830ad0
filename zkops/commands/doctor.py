"""`doctor`: the description is linted first, then what a deploy needs is examined."""

from zkops.commands import lint
from zkops.config.cluster import Cluster
from zkops.doctor import examine as preflight
from zkops.doctor.examine import Diagnosis


def examine(cluster: Cluster, *, deep: bool = False) -> Diagnosis:
    """Lint *cluster*, then run every check; see `zkops.doctor.examine.examine`.

    Raises:
        BadInput: zoo_cfg holds what no server takes.
    """
    lint.check(cluster)
    return preflight.examine(cluster, deep=deep)
