"""sandbox.gosettings: how this machine reaches Go modules goes into the container, and no password into a text."""

from pathlib import Path

import pytest

from sandbox import gosettings
from zkops.core.redaction import redacted


def test_the_settings_of_go_and_the_proxies_are_carried_and_nothing_else() -> None:
    environment = {
        "GOPROXY": "https://proxy.example",
        "GONOSUMDB": "*",
        "https_proxy": "http://p:3128",
        "HOME": "/root",
    }
    assert gosettings.settings(environment) == {
        "GOPROXY": "https://proxy.example",
        "GONOSUMDB": "*",
        "https_proxy": "http://p:3128",
    }


def test_what_go_env_w_wrote_counts_unless_the_environment_says_otherwise() -> None:
    written = "GOPROXY=https://written.example\nGOPRIVATE=corp.example\nGOBIN=/opt\n"
    assert gosettings.settings({"GOPROXY": "https://said.example"}, written) == {
        "GOPROXY": "https://said.example",
        "GOPRIVATE": "corp.example",
    }


@pytest.mark.parametrize(
    "value", ["https://me:pa55w%2Frd@one.example,direct", "https://two.example|https://me:pa55w%2Frd@one.example"]
)
def test_a_password_in_an_address_is_shown_in_no_text(value: str) -> None:
    gosettings.settings({"GOPROXY": value})
    assert redacted("get https://me:pa55w%2Frd@one.example/x") == "get https://me:***@one.example/x"
    assert redacted("said pa55w/rd") == "said ***"


def test_a_module_proxy_that_is_a_directory_is_mounted_read_only() -> None:
    found = gosettings.mounts({"GOPROXY": "file:///srv/modules,https://proxy.example"})
    assert found["/srv/modules"] == {"bind": "/srv/modules", "mode": "ro"}


def test_the_authorities_this_machine_trusts_are_mounted_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    assert gosettings.mounts({}) == {str(bundle): {"bind": gosettings.TRUSTED, "mode": "ro"}}
