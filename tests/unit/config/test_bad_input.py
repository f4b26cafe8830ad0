"""Whatever is wrong with a configuration: exit code 2, one sentence with file, key and mend, and nothing is touched."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from invoke.context import Context
from invoke.exceptions import Exit

import tasks
from tests.support.bad_input import CORPUS, check_sentence
from zkops import ROOT


class Case(NamedTuple):
    base: str
    file: str
    find: str
    instead: str | None
    words: tuple[str, ...]


def cases() -> Iterator[Case]:
    for file in sorted(CORPUS.glob("bad_*.yaml")):
        for group in yaml.safe_load(file.read_text(encoding="utf-8")):
            for find, instead, *words in group["cases"]:
                yield Case(group["base"], group["file"], find, instead, tuple(map(str, words)))


CASES = tuple(cases())


def make(case: Case, directory: Path) -> Path:
    """Copy the good files and damage one; give what `-p` takes."""
    shutil.copytree(CORPUS / case.base, directory, dirs_exist_ok=True)
    file = directory / case.file
    if case.instead is None:
        file.unlink()
    elif case.instead.startswith("hex:"):
        file.write_bytes(bytes.fromhex(case.instead.removeprefix("hex:")))
    else:
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        assert case.find in {"^", "$"} or case.find in text, f"{case.find!r} is not in {file}"
        damaged = {"^": case.instead, "$": text + case.instead}
        file.write_text(damaged.get(case.find, text.replace(case.find, case.instead, 1)), encoding="utf-8")
    return directory


def refusal(path: Path, task: Callable[..., Any] = tasks.deploy.body) -> str:
    """Run a task's body; give what it says when it refuses."""
    with pytest.raises(Exit) as caught:
        task(Context(), path=str(path))
    assert caught.value.code == 2, caught.value.message
    return str(caught.value.message)


def test_the_corpus_is_large() -> None:
    assert len(CASES) >= 200
    assert len(set(CASES)) == len(CASES)


@pytest.mark.usefixtures("nothing_is_touched")
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.base}-{case.file}-{case.find}-{case.instead}"[:80])
def test_bad_input_is_one_sentence_and_touches_nothing(case: Case, tmp_path: Path) -> None:
    said = refusal(make(case, tmp_path))
    check_sentence(said, "" if any(".yaml" in words for words in case.words) else case.file)
    for words in case.words:
        assert any(choice in said for choice in words.split("|")), f"no {words!r} in: {said}"


RIM = """
import os, socket
def forbidden(*_):
    os._exit(99)
socket.socket.connect = socket.socket.connect_ex = forbidden
"""


@pytest.mark.parametrize("base", ["cluster", "openpai/2018", "openpai/later"])
def test_a_true_run_refuses_alike(base: str, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.base == base and "id" in case.find)
    configuration = tmp_path / "configuration"
    configuration.mkdir()
    (tmp_path / "sitecustomize.py").write_text(RIM)
    done = subprocess.run(
        [sys.executable, "-m", "invoke", "deploy"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path), "ZKOPS_PATH": str(make(case, configuration))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    check_sentence(done.stderr.strip(), case.file)


@pytest.mark.parametrize(
    "task", ["render", "build", "push", "deploy", "status", "mntr", "import_openpai", "up", "down"]
)
@pytest.mark.usefixtures("nothing_is_touched")
def test_every_task_refuses_alike(task: str, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.base == "openpai/later" and case.find.startswith("zkid"))
    check_sentence(refusal(make(case, tmp_path), getattr(tasks, task).body), case.file)
