"""An OpenPAI directory of either shape becomes a Cluster, importing it an equal one; its password shows nowhere."""

import base64
import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from invoke.context import Context
from invoke.exceptions import Exit

import tasks
from zkops import ROOT, cli
from zkops.commands import import_openpai
from zkops.config import loader as config
from zkops.config.cluster import Cluster
from zkops.config.openpai import export as openpai_import
from zkops.config.openpai import loader as openpai
from zkops.core import redaction as redact
from zkops.core.errors import BadInput
from zkops.images import registry
from zkops.manifests import render

EXAMPLES = ROOT / "tests" / "corpus" / "openpai"
OVERLAY = """
name: demo
registry: {domain: "127.0.0.1:25000", plain_http: true, credentials: null, pull_secret: null}
resources: {memory: {request: 320Mi, limit: 512Mi}}
kubernetes: {kubeconfig: .cache/kubeconfig}
sandbox: {}
"""
PASSWORDS = {"2018": "s3cret-of-2018", "later": "s3cret-of-later"}


@pytest.fixture(params=["2018", "later"])
def shape(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def directory(shape: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLES / shape, tmp_path / shape))


def edit(file: Path, find: str, instead: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert find in text
    file.write_text(text.replace(find, instead), encoding="utf-8")


def test_the_shape_of_2018() -> None:
    found = openpai.load(EXAMPLES / "2018")
    assert [(m.hostname, m.ip, m.id, m.role) for m in found.machines] == [
        (f"demo-{n}", f"172.31.77.1{n}", n, "participant") for n in (1, 2, 3)
    ]
    assert found.repository == "registry.example/openpai/zookeeper"
    assert (found.registry.tag, found.pull_secret) == ("v0.7", "regsecret")
    assert (found.name, found.paths.data) == ("zookeeper", "/datastorage")
    assert found.resources.memory.limit == "2Gi"


def test_the_later_shape() -> None:
    found = openpai.load(EXAMPLES / "later")
    assert [(m.hostname, m.ip, m.id) for m in found.machines] == [(f"10.1.0.{n}", f"10.1.0.{n}", n) for n in (1, 2, 3)]
    assert found.repository == "docker.io/ourteam/zookeeper"
    assert found.registry.tag == "1.10"  # not the number 1.1
    assert found.paths.data == "/mnt/pai"
    assert found.resources.memory.limit == "1Gi"


@pytest.mark.parametrize("word", ["public", "docker.io", "", "~"])
def test_every_word_for_docker_hub_is_understood(word: str, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "later", tmp_path, dirs_exist_ok=True)
    edit(tmp_path / "services-configuration.yaml", "domain: public", f"domain: {word}")
    assert openpai.load(tmp_path).registry.domain == "docker.io"


def test_windows_line_ends_and_a_byte_order_mark_are_taken(directory: Path) -> None:
    good = openpai.load(directory)
    for file in directory.iterdir():
        file.write_text("\ufeff" + file.read_text().replace("\n", "\r\n"), newline="")
    assert openpai.load(directory) == good


def test_a_machine_with_a_zkid_alone_is_a_member_and_told(
    directory: Path, shape: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = directory / openpai.MACHINE_FILES[shape == "2018"]
    file.write_text(file.read_text().replace('pai-master: "true"', 'pai-master: "false"', 1))
    assert len(openpai.load(directory).machines) == 3
    warned = capsys.readouterr().err
    assert f"{file.name}:" in warned
    assert "machine-list[0].zkid: the machine is no pai-master" in warned


def test_without_a_login_there_are_no_credentials_and_no_pull_secret(directory: Path, shape: str) -> None:
    file = directory / "services-configuration.yaml"
    edit(file, f"password: {PASSWORDS[shape]}", "password:")
    edit(file, "username: ann", "username:")
    found = openpai.load(directory)
    assert (found.registry.credentials, found.pull_secret) == (None, None)


def test_the_login_is_read_in_place_and_shows_nowhere(directory: Path, shape: str) -> None:
    found = openpai.load(directory)
    login = registry.login(found)
    assert login
    assert (login.username, login.password) == ("ann", PASSWORDS[shape])
    secret = render.pull_secret(found, login.username, login.password)
    auths = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))["auths"]
    assert base64.b64decode(auths[found.registry.domain]["auth"]).decode() == f"ann:{PASSWORDS[shape]}"
    rendered = render.render(found, "registry.example/zookeeper@sha256:" + "0" * 64)
    translated = openpai.translate(directory)
    for text in (
        repr(found),
        repr(login),
        repr(translated),
        str(rendered.files),
        openpai_import.describe(directory, directory),
    ):
        assert PASSWORDS[shape] not in text
    assert PASSWORDS[shape] not in redact.redacted(f"somebody else's words: {PASSWORDS[shape]}")


def test_the_overlay_goes_over_the_translation(directory: Path) -> None:
    (directory / "zkops.yaml").write_text(OVERLAY.replace("sandbox: {}\n", ""))
    found = openpai.load(directory)
    assert (found.name, found.registry.domain, found.pull_secret) == ("demo", "127.0.0.1:25000", None)
    assert found.registry.namespace in {"openpai", "ourteam"}
    assert found.file(found.kubernetes.kubeconfig or "") == directory.resolve() / ".cache/kubeconfig"
    assert len(found.machines) == 3


def test_the_sandbox_can_be_tried_from_the_shape_of_2018(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "2018", tmp_path, dirs_exist_ok=True)
    (tmp_path / "zkops.yaml").write_text(OVERLAY)
    assert openpai.load(tmp_path).sandbox


@pytest.mark.parametrize(
    "overlay", ["", OVERLAY.replace("sandbox: {}\n", "zoo_cfg: {tickTime: 3000, skipACL: 'no'}\n")]
)
def test_importing_gives_an_equal_cluster(directory: Path, overlay: str, tmp_path: Path) -> None:
    if overlay:
        (directory / "zkops.yaml").write_text(overlay)
    wanted = openpai.load(directory)
    assert config.parse(openpai_import.describe(directory, directory), directory / "cluster.yaml") == wanted
    elsewhere = tmp_path / "a" / "cluster.yaml"
    elsewhere.parent.mkdir()
    import_openpai.task(directory, str(elsewhere))
    assert settled(config.load(elsewhere)) == settled(wanted)
    assert registry.login(config.load(elsewhere)) == registry.login(wanted)
    with pytest.raises(BadInput, match="there already"):
        import_openpai.task(directory, str(elsewhere))


def test_importing_keeps_every_character(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "later", tmp_path, dirs_exist_ok=True)
    edit(tmp_path / "services-configuration.yaml", "/mnt/pai", "/mnt/\U00010000 #\\u2028 é'%")
    wanted = openpai.load(tmp_path)
    assert config.parse(openpai_import.describe(tmp_path, tmp_path), tmp_path / "cluster.yaml") == wanted


def settled(found: Cluster) -> dict[str, object]:
    """Give all of a Cluster, the files it names as absolute paths."""
    data = found.model_dump()
    for section, key in ((data["registry"]["credentials"], "file"), (data["kubernetes"], "kubeconfig")):
        if section and section[key]:
            section[key] = os.path.normpath(found.file(section[key]))
    return data


def test_the_import_says_where_values_came_from_and_what_was_left(directory: Path, shape: str) -> None:
    text = openpai_import.describe(directory, directory)
    machines = {"2018": "cluster-configuration.yaml:15", "later": "layout.yaml:14"}[shape]
    assert f"id: 1}}  # {machines}" in text
    assert "# services-configuration.yaml:" in text
    assert "# Not taken over:" in text
    assert "machine-sku" in text
    assert "zoodata" in text


def test_import_wants_an_openpai_directory(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no OpenPAI directory"):
        import_openpai.task(ROOT, str(tmp_path / "x"))


def test_a_cluster_yaml_goes_first_and_one_of_the_files_names_the_directory(directory: Path) -> None:
    assert openpai.holds(directory / "services-configuration.yaml")
    assert openpai.load(directory / "services-configuration.yaml") == openpai.load(directory)
    shutil.copy(ROOT / "cluster.yaml", directory)
    assert not openpai.holds(directory)
    assert cli._load(directory).name == "demo"


def test_two_machine_files_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for shape in ("2018", "later"):
        shutil.copytree(EXAMPLES / shape, tmp_path, dirs_exist_ok=True)
    assert openpai.load(tmp_path).machines[0].ip == "10.1.0.1"
    assert "cluster-configuration.yaml: is not read" in capsys.readouterr().err


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "invoke", *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_task_prints_what_loads(directory: Path) -> None:
    done = run("import-openpai", ZKOPS_PATH=str(directory))
    assert done.returncode == 0, done.stderr
    assert config.parse(done.stdout, ROOT / "cluster.yaml").machines == openpai.load(directory).machines


@pytest.mark.parametrize("arguments", [("--debug", "render"), ("render", "--debug")])
def test_debug_shows_the_traceback_before_and_after_the_task(arguments: tuple[str, str]) -> None:
    done = run(*arguments, "-p", "/nowhere")
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert "BadInput" in done.stderr
    assert done.stderr.rstrip().splitlines()[-2].startswith("error: /nowhere")


def test_debug_shows_no_secret(
    directory: Path, shape: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither in a traceback nor in the logs of libraries, which Invoke's --debug would turn on."""
    monkeypatch.setenv(cli.DEBUG_VARIABLE, "1")
    monkeypatch.setattr(logging.getLogger(), "level", logging.DEBUG)

    @cli.guarded
    def body() -> None:
        login = registry.login(openpai.load(directory))
        assert login
        logging.getLogger("kubernetes.client.rest").debug("response body: %s", login.password)
        raise ValueError(f"a library says {login.password}")

    with pytest.raises(Exit) as caught:
        body()
    shown = capsys.readouterr().err + str(caught.value.message)
    assert "a library says ***" in shown
    assert PASSWORDS[shape] not in shown


def test_render_works_straight_from_the_directory(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks.render.body(Context(), path=str(directory))
    assert "zoo.cfg" in capsys.readouterr().out
