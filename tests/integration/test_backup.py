"""A copy of a running member, made and brought back by the very steps of docs/operate/operating.md."""

from threading import Event, Thread

from zkops import ROOT

from .oldways import blocks, carry_out
from .rosters import Site

COPY, RESTORE = blocks("Backups", ROOT / "docs" / "operate" / "operating.md")


def test_a_copy_of_a_member_that_was_being_written_to_brings_the_ensemble_back(machines: Site, base: str) -> None:
    machines.form(1, 2, 3)
    kept = machines.add("/kept", 1, 2, 3)
    machines.known("/kept", 2)  # in sync, so that it has them
    copy = machines.directory / "copy"
    copy.mkdir()
    done = Event()
    writer = Thread(target=lambda: [machines.add("/meanwhile", 1, 3) for _ in iter(done.is_set, True)])
    writer.start()
    try:
        carry_out(base, {machines.directory / "m2": "/var/lib/zkops/demo", copy: "/var/backups"}, COPY)
    finally:
        done.set()
        writer.join()
    with machines.client() as zookeeper:
        zookeeper.delete("/kept", recursive=True)
    machines.end(1, 2, 3)
    for number in (1, 2, 3):
        own = machines.directory / f"m{number}"
        carry_out(base, {own: "/var/lib/zkops/demo", copy: "/var/backups"}, RESTORE)
        machines.shell(f"/opt/zookeeper/bin/prepare-data /site/m{number}/data /site/m{number}/log")
    machines.start(1, 2, 3)
    assert [machines.known("/kept", number) for number in (1, 2, 3)] == [kept] * 3
    assert machines.add("/goes-on", 1, 2, 3)
