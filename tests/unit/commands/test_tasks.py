"""The command line: exit codes, one sentence on stderr, results alone on stdout, quick help."""

from pathlib import Path

import pytest
from invoke.exceptions import Exit

from tests.support.command_line import invoke
from zkops import ROOT, cli
from zkops.core.errors import BadInput, Failed, Refused, RolledBack


def test_every_task_is_listed_with_its_sentence() -> None:
    listed = invoke("--list").stdout
    for name in ("render", "build", "push", "deploy", "status", "mntr", "sandbox.up", "sandbox.down", "image.lock"):
        line = next(line.strip() for line in listed.splitlines() if line.strip().startswith(name))
        assert len(line.split(maxsplit=1)) == 2, f"{name} has no help"


@pytest.mark.parametrize("task", ["render", "build", "push", "deploy", "status", "mntr", "sandbox.up", "sandbox.down"])
def test_bad_input_ends_in_one_sentence_and_exit_code_2(task: str, tmp_path: Path) -> None:
    bad = tmp_path / "cluster.yaml"
    bad.write_text((ROOT / "cluster.yaml").read_text().replace("id: 2", "id: 1"))
    done = invoke(task, "-p", str(bad))
    assert done.returncode == 2
    assert done.stdout == ""
    assert "machines[1].id" in done.stderr
    assert "mend: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_timeout_that_is_no_number_is_bad_input() -> None:
    done = invoke("deploy", "--timeout", "soon")
    assert done.returncode == 2
    assert "'soon' is no number of seconds" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_configuration_can_be_named_by_the_environment(tmp_path: Path) -> None:
    done = invoke("render", ZKOPS_PATH=str(tmp_path / "none.yaml"))
    assert done.returncode == 2
    assert "none.yaml" in done.stderr


def test_render_prints_the_files_it_wrote() -> None:
    done = invoke("render")
    assert done.returncode == 0, done.stderr
    assert all(Path(line).is_file() for line in done.stdout.splitlines())
    assert any(line.endswith("zoo.cfg") for line in done.stdout.splitlines())


def test_a_program_without_invoke_shows_the_sentence_alone_and_exits(capsys: pytest.CaptureFixture[str]) -> None:
    @cli.script
    def main() -> None:
        raise BadInput("it broke", "do this")

    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    assert capsys.readouterr().err == "error: it broke\n  mend: do this\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [(Failed, 1), (BadInput, 2), (Refused, 3), (RolledBack, 4), (KeyboardInterrupt, 130), (ZeroDivisionError, 1)],
)
def test_every_error_becomes_a_message_and_an_exit_code(error: type[BaseException], code: int) -> None:
    @cli.guarded
    def body() -> None:
        raise error("it broke", "do this") if issubclass(error, Failed | BadInput | Refused | RolledBack) else error()

    with pytest.raises(Exit) as caught:
        body()
    assert caught.value.code == code
    assert caught.value.message
