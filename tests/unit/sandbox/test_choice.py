"""sandbox.choice: which Kubernetes, which way, and what is said of it."""

import pytest

from sandbox import choice
from zkops.config.cluster import Sources
from zkops.config.types import KUBERNETES_VERSIONS
from zkops.core.errors import BadInput, Failed
from zkops.images import base as sources

NO_PROXY = "dial tcp: lookup proxy.example: no such host"


def chosen(mode: str = "auto", version: str | None = None, *, pulls: bool = False, lacking: str = "") -> choice.Choice:
    wanted = Sources.model_validate({"mode": mode})
    return choice.choose(wanted, version, pulls=lambda: pulls, compiles=lambda _: lacking)


@pytest.mark.parametrize(
    ("pulls", "lacking", "way", "version"),
    [
        (True, "", "k3s", sources.KUBERNETES),
        (True, NO_PROXY, "k3s", sources.KUBERNETES),
        (False, "", "modules", sources.KUBERNETES),
        (False, NO_PROXY, "debian", "1.20"),
    ],
)
def test_the_ways_are_tried_in_order_pull_modules_debian(pulls: bool, lacking: str, way: str, version: str) -> None:
    found = chosen(pulls=pulls, lacking=lacking)
    assert (found.way, found.version) == (way, version)


@pytest.mark.parametrize(("mode", "way"), [("pull", "k3s"), ("modules", "modules"), ("archive", "debian")])
def test_a_forced_way_is_taken_without_a_try(mode: str, way: str) -> None:
    found = choice.choose(
        Sources.model_validate({"mode": mode}),
        None,
        pulls=lambda: pytest.fail("tried to pull although forced"),
        compiles=lambda _: pytest.fail("asked for modules although forced"),
    )
    assert (found.way, found.reason) == (way, f"sources.mode is {mode}")


def test_the_sentence_says_the_way_the_reason_and_how_long_it_takes() -> None:
    found = chosen(lacking=NO_PROXY).sentence
    assert "1.20 is compiled from Debian's source package" in found
    assert NO_PROXY in found
    assert "about ten minutes on two processors" in found
    assert f"Kubernetes {choice.patch_of('1.36')} is compiled from Go modules" in chosen(version="1.36").sentence
    assert "is pulled as k3s 1.36.3-k3s1" in chosen(version="1.36", pulls=True).sentence


def test_the_oldest_version_comes_from_debian_also_where_others_could_be_pulled() -> None:
    assert chosen(version="1.20", pulls=True).way == "debian"


def test_a_version_that_can_be_had_in_no_way_is_not_replaced_by_another() -> None:
    with pytest.raises(Failed, match=r"Kubernetes 1\.35 can neither be pulled nor compiled: dial tcp"):
        chosen(version="1.35", lacking=NO_PROXY)


@pytest.mark.parametrize(("mode", "version"), [("modules", "1.20"), ("archive", "1.36"), ("pull", "1.37")])
def test_a_version_that_the_forced_way_does_not_have_is_refused(mode: str, version: str) -> None:
    with pytest.raises(BadInput, match=r"sandbox\.kubernetes: .*" + version.replace(".", r"\.")):
        chosen(mode, version)


@pytest.mark.parametrize("version", [version for version in KUBERNETES_VERSIONS if version != choice.OLDEST])
def test_every_current_version_has_a_module_file_of_its_own_release(version: str) -> None:
    assert choice.patch_of(version).startswith(f"{version}.")
