"""From ZooKeeper 3.9.3 to 3.9.6 and back, one member at a time."""

from pathlib import Path

from .rosters import site


def test_members_of_two_releases_serve_together_and_what_was_written_is_kept_both_ways(
    image: str, older_image: str, tmp_path: Path
) -> None:
    with site(older_image, tmp_path) as machines:
        formed = machines.form(1, 2, 3)
        names = machines.add("/kept", 1, 2, 3)
        for release, version in ((image, "3.9.6"), (older_image, "3.9.3")):
            machines.image = release
            for number in (1, 2, 3):
                machines.start(number)
                assert machines.running[number].srvr().version == version
                machines.wait_for(1, 2, 3)
                names |= machines.add("/kept", 1, 2, 3)
                assert [machines.known("/kept", each) for each in (1, 2, 3)] == [names] * 3
        assert machines.membership(1) == formed
