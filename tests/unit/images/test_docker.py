"""zkops.images.docker and zkops.images.daemon: what they say and decide, without an Engine."""

from pathlib import Path
from typing import Any

import pytest

from zkops.core.errors import Failed
from zkops.images import daemon
from zkops.images import docker as engine

DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n'
MINT = 'PRETTY_NAME="Linux Mint 22"\nID=linuxmint\nID_LIKE="ubuntu debian"\n'
FEDORA = 'PRETTY_NAME="Fedora Linux 44"\nID=fedora\n'


@pytest.mark.parametrize(("version", "number"), [("20.10.24+dfsg1", (20, 10)), ("29.0.1", (29, 0)), ("dev", (0, 0))])
def test_an_engines_version_is_read(version: str, number: tuple[int, int]) -> None:
    assert daemon.release(version) == number


@pytest.mark.parametrize("os_release", [DEBIAN, MINT, "ID=ubuntu\n"])
def test_root_on_debian_or_its_kin_gets_the_package_installed(os_release: str) -> None:
    assert daemon.lacking(os_release, root=True, installed=False) == "package"


@pytest.mark.parametrize("os_release", [DEBIAN, FEDORA, ""])
def test_root_gets_an_installed_daemon_started_on_any_distribution(os_release: str) -> None:
    assert daemon.lacking(os_release, root=True, installed=True) == "daemon"


@pytest.mark.parametrize(
    ("os_release", "root", "installed", "mend"),
    [
        (DEBIAN, False, False, "sudo apt-get install docker.io"),
        (DEBIAN, False, True, "sudo systemctl start docker"),
        (FEDORA, True, False, "package manager"),
        ("", False, False, "package manager"),
    ],
)
def test_who_must_act_himself_is_told_how(os_release: str, root: bool, installed: bool, mend: str) -> None:
    with pytest.raises(Failed) as failure:
        daemon.lacking(os_release, root=root, installed=installed)
    assert mend in failure.value.mend


def test_no_engine_behind_docker_host_is_one_sentence_and_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(daemon.NoEngine, match="no Docker Engine answers on unix://"):
        engine.ensure()


def test_denied_access_is_told_from_no_engine() -> None:
    denied = daemon.no_answer("the local socket", "('Connection aborted.', PermissionError(13, 'Permission denied'))")
    assert "refuses this user" in denied.what
    assert not isinstance(denied, daemon.NoEngine)


def test_a_daemon_that_does_not_start_shows_its_last_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "dockerd"
    fake.write_text("#!/bin/sh\necho failed to mount overlay\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setattr(daemon, "LOG", tmp_path / "log")
    monkeypatch.setattr(daemon, "SYSTEMD", tmp_path / "none")
    with pytest.raises(Failed, match="dockerd ended at once:\nfailed to mount overlay"):
        daemon._start(daemon.NoEngine("none"))


def test_a_build_stream_gives_whole_lines_without_colours_and_knows_its_step() -> None:
    transcript = engine.Transcript()
    events: list[dict[str, Any]] = [
        {"stream": "Step 1/2 : FROM x\n"},
        {"stream": "\x1b[91mfirst "},
        {"stream": "half\x1b[0m\nsecond\n"},
        {"aux": {"ID": "sha256:abc"}},
    ]
    assert [line for event in events for line in transcript.feed(event)] == [
        "Step 1/2 : FROM x",
        "first half",
        "second",
    ]
    assert transcript.at == "Step 1/2 : FROM x"
    assert transcript.image == "sha256:abc"


def test_a_failed_build_names_its_step_and_shows_its_last_lines() -> None:
    transcript = engine.Transcript()
    list(transcript.feed({"stream": "Step 1/2 : FROM x\nof no matter\nStep 2/2 : RUN make\n"}))
    list(transcript.feed({"stream": "".join(f"line {n}\n" for n in range(40))}))
    with pytest.raises(Failed) as failure:
        list(transcript.feed({"error": "The command returned a non-zero code: 2"}))
    assert failure.value.what.startswith("the image build failed at Step 2/2 : RUN make: The command returned")
    assert "line 39" in failure.value.what
    assert "line 24" not in failure.value.what
    assert "of no matter" not in failure.value.what


def test_a_full_disk_is_called_so() -> None:
    with pytest.raises(Failed, match="the disk is full"):
        list(engine.Transcript().feed({"error": "write /x: no space left on device"}))


def test_a_pull_counts_its_layers_and_explains_its_failure() -> None:
    layers: dict[str, bool] = {}
    for event in (
        {"id": "3.9", "status": "Pulling from library/debian"},
        {"id": "aa", "status": "Downloading"},
        {"id": "bb", "status": "Already exists"},
        {"status": "Digest: sha256:1"},
    ):
        engine.follow_pull(event, layers, "debian")
    assert layers == {"aa": False, "bb": True}
    with pytest.raises(Failed) as failure:
        engine.follow_pull({"error": "manifest unknown"}, layers, "debian:none")
    assert failure.value.what == "debian:none cannot be pulled: manifest unknown"
    assert "sources.pull_prefix" in failure.value.mend
