"""`cluster.yaml` is refused with file, line, key, value and mend, or becomes a complete Cluster."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import MakeCluster
from zkops import ROOT
from zkops.config.cluster import Cluster
from zkops.config.loader import load, parse
from zkops.config.types import memory_bytes
from zkops.core.errors import BadInput

SHIPPED = (ROOT / "cluster.yaml").read_text()
FILE = Path("cluster.yaml")


def refused(text: str) -> str:
    with pytest.raises(BadInput) as caught:
        parse(text, FILE)
    assert caught.value.exit_code == 2
    assert caught.value.mend, "every refusal says what to write instead"
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        ("id: 2}", "id: 1}", ["cluster.yaml:9", "machines[1].id: 1", "already", "lowest free id is 2"]),
        (", id: 2}", "}", ["cluster.yaml:9", "machines[1].id", "is missing", "add it"]),
        ("id: 2}", "id: 300}", ["cluster.yaml:9", "machines[1].id: 300", "255"]),
        ("id: 2}", "id: 0}", ["machines[1].id: 0", "1"]),
        ("demo-2", "demo-1", ["machines[1].hostname: 'demo-1'", "already"]),
        ("172.31.77.12", "172.31.77.11", ["machines[1].ip: '172.31.77.11'", "already"]),
        ("172.31.77.12", "172.31.77.300", ["cluster.yaml:9", "172.31.77.300", "no IPv4 address"]),
        ("demo-2", "Demo_2", ["machines[1].hostname: 'Demo_2'", "node name"]),
        ("name: demo\n", "name: Demo\n", ["cluster.yaml:5", "name: 'Demo'", "lower-case"]),
        ("resources:", "resources:\n  heep: 256Mi", ["resources.heep", "not a known key", "did you mean heap?"]),
        ("registry:", "regstry:", ["registry", "missing"]),
        ("resources:", "resources:\n  heap: 512Mi", ["heap", "512Mi", "memory.limit", "quarter more"]),
        ("request: 320Mi", "request: 1Gi", ["memory.request", "above"]),
        ("resources:", "resources:\n  heap: lots", ["resources.heap: 'lots'", "512Mi"]),
        ("name: demo\n", "name: demo\nports: {client: 2888}\n", ["client and quorum clash", "2888"]),
        ("name: demo\n", "name: demo\nports: {client: 70000}\n", ["ports.client: 70000"]),
        ("name: demo\n", "name: demo\nports: {metrics: 2181}\n", ["client and metrics clash", "2181"]),
        ("name: demo\n", "name: demo\nlog: {level: debug}\n", ["cluster.yaml:6", "log.level: 'debug'", "DEBUG"]),
        ("name: demo\n", "name: demo\npaths: {data: /}\n", ["paths.data: '/'", "absolute"]),
        ("name: demo\n", "name: demo\npaths: {data: data}\n", ["paths.data: 'data'", "absolute"]),
        ("name: demo\n", "name: demo\npaths: {data: /a/../..}\n", ["paths.data", "absolute"]),
        ("name: demo\n", "name: demo\nname: two\n", ["cluster.yaml:6", "stands twice", "line 5"]),
        ("name: demo\n", "name: demo\n\tx: y\n", ["cluster.yaml:6", "not valid YAML", "never tabs"]),
        ("name: demo\n", "name: demo\ndirectory: /\n", ["directory", "not a known key"]),
        ("name: demo\n", "name: demo\nzoo_cfg: {dataDir: /x}\n", ["zoo_cfg.dataDir", "paths.data"]),
        ("name: demo\n", "name: demo\nzoo_cfg: {server.4: x}\n", ["zoo_cfg.server.4", "machines"]),
        ("name: demo\n", 'name: demo\nzoo_cfg: {tickTime: "1\\nx=2"}\n', ["zoo_cfg.tickTime", "one line"]),
        ("name: demo\n", "name: demo\nzoo_cfg: {4lw.commands.whitelist: mntr}\n", ["lacks srvr, conf, ruok", "probes"]),
        ("  plain_http: true", "  credentials: {username_env: A}", ["registry.credentials", "password_env"]),
        ("domain: 127.0.0.1:25000", "domain: http://x", ["registry.domain: 'http://x'", "HOST:PORT"]),
        ("127.0.0.1:25000", "127.0.0.1:26443", ["sandbox.api_port", "clashes"]),
        ("172.31.77.13", "172.31.78.13", ["machines", "/24"]),
        ("machines:", "machines: []\nx:", ["machines"]),
        ("  api_port: 26443", "  kubernetes: 1.36", ["sandbox.kubernetes: 1.36", '"1.36"', "in quotes"]),
        ("  api_port: 26443", '  kubernetes: "1.33"', ["sandbox.kubernetes: '1.33'", '"1.34"', '"1.20"']),
        ("name: demo\n", "name: demo\nsources: {mode: module}\n", ["sources.mode: 'module'", "modules"]),
    ],
)
def test_a_mistake_is_told_with_place_key_value_and_mend(written: str, instead: str, told: list[str]) -> None:
    assert written in SHIPPED
    message = refused(SHIPPED.replace(written, instead, 1))
    assert all(part in message for part in told), message


def test_no_voting_member_is_refused(make_cluster: MakeCluster) -> None:
    with pytest.raises(BadInput, match="participant"):
        make_cluster(machines=[{"hostname": "a", "ip": "172.31.77.11", "id": 1, "role": "observer"}])


def test_an_even_number_of_voters_is_a_warning_with_its_reason(make_cluster: MakeCluster) -> None:
    two = [{"hostname": f"m{n}", "ip": f"172.31.77.{10 + n}", "id": n} for n in (1, 2)]
    assert "waits for 2" in make_cluster(machines=two).warnings()[0]
    assert make_cluster(machines=two[:1]).warnings() == ()


def test_a_directory_holding_a_description_is_taken(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text("\ufeff" + SHIPPED.replace("\n", "\r\n"))
    assert load(tmp_path).name == "demo"


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        load(tmp_path / "nothing.yaml")


def test_relative_files_start_from_the_description(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(SHIPPED)
    assert load(tmp_path).file("x/y") == tmp_path.resolve() / "x/y"


def test_a_cluster_cannot_be_changed(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match="frozen"):
        cluster.name = "other"


@given(st.text(max_size=200))
def test_any_text_is_a_cluster_or_bad_input(text: str) -> None:
    try:
        parse(text, FILE)
    except BadInput as error:
        assert error.mend


@given(st.sampled_from(SHIPPED.splitlines()), st.text(max_size=40))
def test_any_damaged_line_is_a_cluster_or_bad_input(line: str, instead: str) -> None:
    try:
        parse(SHIPPED.replace(line, instead, 1), FILE)
    except BadInput as error:
        assert error.mend


def test_memory_is_counted_as_kubernetes_does() -> None:
    assert [memory_bytes(text) for text in ("1", "1k", "1Ki", "2Mi", "1Gi")] == [1, 1000, 1024, 2 << 20, 1 << 30]


def test_a_heap_that_leaves_the_jvm_too_little_beside_it_is_warned_of() -> None:
    text = SHIPPED.replace(
        "memory: {request: 320Mi, limit: 512Mi}", "heap: 500Mi\n  memory: {request: 320Mi, limit: 512Mi}"
    )
    (sentence,) = parse(text, FILE).warnings()
    assert sentence.startswith("resources.heap: 500Mi")
    assert "raise the limit" in sentence
