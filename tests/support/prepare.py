"""Makes what tests in containers need and what takes long the first time: Docker Engine, base images, our images."""

import sandbox.images
from zkops import ROOT, cli
from zkops.config.loader import load
from zkops.images import daemon, image


@cli.guarded
def main() -> None:
    """Do nothing where all is there."""
    daemon.ensure()
    cluster = load(ROOT)
    image.build(cluster)
    sandbox.images.prepare(cluster.sources)


if __name__ == "__main__":
    main()
