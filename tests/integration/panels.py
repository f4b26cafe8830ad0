"""Draws the dashboard for the docs: `python -m tests.integration.panels [ANSWERS]`.

An ensemble of three is used for some minutes, its leader is lost and comes back, and a real Prometheus that watches it
is asked what each panel asks. The answers are kept in build/panels.json; given that file, it only draws. Grafana has no
part in it: the picture shows what the panels say, on the dashboard's grid, not how Grafana paints it.
"""

import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from testcontainers.core.config import ConnectionMode, testcontainers_config

from tests.support.prometheus import Prometheus
from tests.support.waiting import eventually
from zkops import ROOT
from zkops.config import loader as config
from zkops.images import base as sources
from zkops.images import daemon
from zkops.images import image as room
from zkops.manifests import monitoring

from . import drawing, grafana
from .load import used
from .servers import Ensemble, ensemble
from .watched import described, network_of, watching

PICTURE = ROOT / "docs" / "pictures" / "dashboard.png"
ANSWERS = ROOT / "build" / "panels.json"
QUIET, BUSY, AWAY, AFTER = 110, 80, 35, 200
"""Seconds: of some load, of more, without the former leader, and with it again."""
USUAL = {"ZOO_TICK_TIME": "2000", "ZOO_SYNC_LIMIT": "5"}
"""As ZooKeeper has it, not made for short tests: no leader but the one that is killed is to be lost."""


def main(answers: Path | None) -> None:
    """Record where there is nothing to draw yet, then draw."""
    if not answers:
        ANSWERS.parent.mkdir(exist_ok=True)
        ANSWERS.write_text(json.dumps(record()), encoding="utf-8")
    drawing.draw(json.loads((answers or ANSWERS).read_text(encoding="utf-8")), PICTURE)


def record() -> dict[str, Any]:
    """Let an ensemble live for some minutes; give the dashboard and the answers."""
    daemon.ensure()
    cluster = config.load(ROOT)
    testcontainers_config.ryuk_disabled = sources.decide(cluster.sources) == "archive"
    testcontainers_config.connection_mode_override = ConnectionMode.docker_host
    image, base = room.build(cluster).tagged, sources.base_image(cluster.sources, "trixie")
    with ExitStack() as stack:
        members = stack.enter_context(ensemble(image, settings=USUAL))
        members.heal()
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        known = described(cluster, members)
        prometheus = stack.enter_context(watching(base, known, network_of(members.members[0])[0], directory))
        dashboard = json.loads(monitoring.files(known)["monitoring/dashboard.json"])
        eventually(lambda: len(prometheus.query("zookeeper_serving == 1")) == len(members.members))
        begin = time.time()
        _live(members)
        return _answers(prometheus, dashboard, begin, time.time())


def _live(members: Ensemble) -> None:
    with used(members, 0.1):
        time.sleep(QUIET)
        with used(members, 0.03):
            time.sleep(BUSY)
            leader = members.leader()
            leader.kill()
            time.sleep(AWAY)
            leader.start()
            members.heal()
            time.sleep(AFTER / 2)
        time.sleep(AFTER / 2)


def _answers(prometheus: Prometheus, dashboard: dict[str, Any], begin: float, end: float) -> dict[str, Any]:
    chosen = grafana.options(prometheus, dashboard)
    (annotation,) = dashboard["annotations"]["list"]
    asked = {target.name: grafana.ask(prometheus, target, chosen, begin, end) for target in grafana.targets(dashboard)}
    marks = grafana.between(prometheus, annotation["expr"], chosen, begin, end)
    return {"dashboard": dashboard, "chosen": chosen, "begin": begin, "end": end, "asked": asked, "marks": marks}


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else None)
