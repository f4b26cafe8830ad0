"""Any damage to a configuration of any shape gives a usable Cluster or one sentence; FUZZ_EXAMPLES=9999 digs deeper."""

import copy
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.bad_input import CORPUS, check_sentence
from zkops import cli
from zkops.config import loader as config
from zkops.config.cluster import Cluster
from zkops.config.openpai import export as openpai_import
from zkops.config.openpai import loader as openpai
from zkops.core.errors import BadInput
from zkops.manifests import render

SHAPES = {
    "cluster": {"cluster.yaml": CORPUS / "cluster/cluster.yaml"},
    "2018": {
        name: CORPUS / "openpai/2018" / name for name in ("cluster-configuration.yaml", "services-configuration.yaml")
    },
    "later": {name: CORPUS / "openpai/later" / name for name in ("layout.yaml", "services-configuration.yaml")},
}
TEXTS = {
    shape: {name: path.read_text(encoding="utf-8") for name, path in files.items()} for shape, files in SHAPES.items()
}
FILES = [(shape, name) for shape, files in TEXTS.items() for name in files]

fuzzed = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "200")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
ODD, SNIPPETS = yaml.safe_load((CORPUS / "odd.yaml").read_text(encoding="utf-8")).values()
ODD += ["x" * 5000, "9" * 5000]
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.dates(), st.datetimes(), st.sampled_from(ODD),
    st.text(max_size=20), st.binary(max_size=5), st.integers(min_value=10**30, max_value=10**4000),
)  # fmt: skip
junk = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.integers() | st.none(), inner, max_size=3)
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def directories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {shape: tmp_path_factory.mktemp(shape) for shape in SHAPES}


def outcome(directory: Path, shape: str, name: str, text: str) -> None:
    """Write the damaged file beside the good ones; read them as `-p` does; use it, or judge the sentence."""
    for other, good in TEXTS[shape].items():
        content = text if other == name else good
        (directory / other).write_text(content, encoding="utf-8", errors="surrogatepass", newline="")
    try:
        found = openpai.load(directory) if openpai.holds(directory) else config.load(directory)
    except BadInput as error:
        return check_sentence(f"error: {error}", str(directory))
    return use(found, directory)


def use(found: Cluster, directory: Path) -> None:
    """What was accepted must be good for every file and object, and for the way through `import-openpai`."""
    # Values of zoo.cfg are judged when it is rendered.
    with suppress(BadInput):
        for text in render.render(found, "registry.example/zookeeper@sha256:" + "0" * 64).files.values():
            text.encode()
    if openpai.holds(directory):
        again = config.parse(openpai_import.describe(directory, directory), directory / "cluster.yaml")
        assert again == found


@pytest.mark.usefixtures("nothing_is_touched")
@fuzzed
@given(where=st.sampled_from(FILES), data=st.data())
def test_wrong_values_in_any_place(directories: dict[str, Path], where: tuple[str, str], data: st.DataObject) -> None:
    shape, name = where
    damaged = copy.deepcopy(yaml.safe_load(TEXTS[shape][name]))
    for _ in range(data.draw(st.integers(1, 3))):
        damaged = damage(damaged, data)
    text = yaml.safe_dump(damaged, allow_unicode=data.draw(st.booleans()))
    outcome(directories[shape], shape, name, text)


def damage(whole: Any, data: st.DataObject) -> Any:
    """Replace, remove or add one value somewhere."""
    at = whole
    while isinstance(at, dict | list) and at:
        key: Any = data.draw(st.sampled_from(list(at) if isinstance(at, dict) else range(len(at))))
        if data.draw(st.integers(0, 3)) == 0 or not isinstance(at[key], dict | list) or not at[key]:
            act = data.draw(st.sampled_from(["replace", "replace", "remove", "add"]))
            if act == "remove":
                del at[key]
            elif act == "add" and isinstance(at, dict):
                at[data.draw(st.sampled_from(ODD) | st.text(max_size=9) | st.integers() | st.none() | st.dates())] = (
                    data.draw(junk)
                )
            else:
                at[key] = data.draw(junk)
            return whole
        at = at[key]
    return data.draw(junk)


@pytest.mark.usefixtures("nothing_is_touched")
@fuzzed
@given(where=st.sampled_from(FILES), data=st.data())
def test_damaged_text(directories: dict[str, Path], where: tuple[str, str], data: st.DataObject) -> None:
    shape, name = where
    text = TEXTS[shape][name]
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.sampled_from([0, 0, 1, 5, 40]))
        text = text[:start] + data.draw(st.sampled_from(SNIPPETS + ODD) | st.text(max_size=5)) + text[start + length :]
    outcome(directories[shape], shape, name, text)


@pytest.mark.usefixtures("nothing_is_touched")
@fuzzed
@given(
    where=st.sampled_from(FILES),
    content=st.binary(max_size=60) | junk.map(lambda value: yaml.safe_dump(value).encode()),
)
def test_anything_at_all(directories: dict[str, Path], where: tuple[str, str], content: bytes) -> None:
    shape, name = where
    outcome(
        directories[shape],
        shape,
        name,
        content.decode("utf-8", errors="surrogateescape").encode("utf-8", "replace").decode(),
    )


@pytest.mark.parametrize("depth", [60, 2000])
@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_deep_nesting(depth: int, brackets: str) -> None:
    text = "name: " + (brackets[0] + ("a: " if brackets == "{}" else "")) * depth + brackets[1] * depth
    with pytest.raises(BadInput):
        config.parse(text, Path("cluster.yaml"))


def test_an_endless_file_is_refused() -> None:
    with pytest.raises(BadInput, match="larger than 1 MiB"):
        config.load(Path("/dev/zero"))


def test_a_path_that_is_nothing_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "x", tmp_path / ("x" * 300), Path("a\0b")):
        with pytest.raises(BadInput):
            cli._load(path)
