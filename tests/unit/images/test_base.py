"""zkops.images.base and zkops.images.debian: names, decisions and what apt says, without an Engine or a network."""

from pathlib import Path

import pytest

from zkops.config.cluster import Sources
from zkops.core.errors import Failed
from zkops.images import base as sources
from zkops.images import debian as archive
from zkops.images.debian import Archive

TARGETS = """\
http://archive.example/debian/|bookworm|Debian|Debian|main
http://archive.example/debian/|bookworm-updates|Debian|Debian|main
http://archive.example/debian-security/|bookworm-security|Debian|Debian-Security|main
"""
THIRD_PARTY = """\
https://packages.example/apt/|stable|Example|Example|main
https://other.example/node/|nodistro|. nodistro|. nodistro|main
https://unfetched.example/apt/||||main
"""


@pytest.mark.parametrize(
    ("reference", "prefix", "name"),
    [
        ("debian:trixie-slim", "", "debian:trixie-slim"),
        ("debian:trixie-slim", "mirror:5000/hub", "mirror:5000/hub/library/debian:trixie-slim"),
        ("rancher/k3s:v1", "mirror:5000/hub", "mirror:5000/hub/rancher/k3s:v1"),
        ("registry:2", "mirror.example", "mirror.example/library/registry:2"),
    ],
)
def test_a_mirrors_names_follow_the_well_known_ones(reference: str, prefix: str, name: str) -> None:
    assert sources.prefixed(reference, prefix) == name


@pytest.mark.parametrize("mode", ["pull", "archive"])
def test_a_forced_way_is_taken_without_a_look(mode: sources.Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_try", lambda _: pytest.fail("tried although forced"))
    assert sources.decide(Sources(mode=mode)) == mode


def test_the_try_is_made_once_and_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    tries: list[str] = []

    def once(prefix: str) -> tuple[sources.Mode, str]:
        tries.append(prefix)
        return "archive", "no such host"

    monkeypatch.setattr(sources, "_try", once)
    sources._tried.cache_clear()
    monkeypatch.setattr(sources, "say", print)
    assert [sources.decide(Sources()), sources.decide(Sources())] == ["archive", "archive"]
    sources._tried.cache_clear()
    assert tries == [""]
    assert "made from the Debian archive: no such host" in capsys.readouterr().out


def test_the_archive_is_the_one_apt_uses() -> None:
    found = archive.find_archive(TARGETS)
    assert found == Archive(main="http://archive.example/debian", security="http://archive.example/debian-security")
    assert found.lines("trixie") == [
        "deb http://archive.example/debian trixie main",
        "deb http://archive.example/debian trixie-updates main",
        "deb http://archive.example/debian-security trixie-security main",
    ]


def test_third_party_sources_are_passed_over() -> None:
    assert archive.find_archive(THIRD_PARTY + TARGETS) == archive.find_archive(TARGETS)
    assert archive.find_archive(THIRD_PARTY) is None


def test_backports_other_components_and_local_files_are_no_archive() -> None:
    assert archive.find_archive("http://a/|bookworm-backports|Debian Backports|Debian Backports|main") is None
    assert archive.find_archive("http://a/|bookworm|Debian|Debian|contrib") is None
    assert archive.find_archive("file:/srv/debian/|bookworm|Debian|Debian|main") is None
    assert archive.find_archive("") is None


def test_a_machine_without_security_archive_does_without() -> None:
    found = archive.find_archive("http://archive.example/debian/|sid|Debian|Debian|main")
    assert found is not None
    assert len(found.lines("trixie")) == 2


def test_how_apt_reaches_its_mirror_is_carried_into_the_image_but_no_password() -> None:
    dump = (
        'Acquire "";\nAcquire::http::Proxy "http://proxy.example:3128";\nAcquire::https::Proxy "http://me:secret@p:1";\n'
        'Acquire::Check-Valid-Until "false";\nAcquire::Languages "none";\nDPkg::Post "x";\n'
    )
    carried = archive.carried(dump)
    assert carried == ['Acquire::http::Proxy "http://proxy.example:3128"', 'Acquire::Check-Valid-Until "false"']


def test_a_machine_without_apt_is_told_that_neither_way_is_open(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Failed, match="neither be pulled nor bootstrapped: this machine has no apt") as failure:
        archive.bootstrap("trixie", "zkops/base:none")
    assert "sources.pull_prefix" in failure.value.mend
