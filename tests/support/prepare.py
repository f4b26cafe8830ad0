"""Makes what tests in containers need and what takes long the first time: Docker Engine, base images, our images."""

import argparse

import sandbox
from zkops import ROOT, cli
from zkops.config.loader import load


@cli.script
def main() -> None:
    """Do nothing where all is there; `--kubernetes VERSION` is that of pytest, other arguments are passed over."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubernetes")
    wanted, _ = parser.parse_known_args()
    cluster = load(ROOT)
    if wanted.kubernetes and cluster.sandbox:
        section = cluster.sandbox.model_copy(update={"kubernetes": wanted.kubernetes})
        cluster = cluster.model_copy(update={"sandbox": section})
    sandbox.prepare(cluster)


if __name__ == "__main__":
    main()
