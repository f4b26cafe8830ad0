"""What the README shows is what the tool has."""

import json
import re
import subprocess
import sys

import pytest

from zkops import ROOT

README = ROOT / "README.md"


def test_the_table_of_tasks_is_current(request: pytest.FixtureRequest) -> None:
    text = README.read_text(encoding="utf-8")
    found = re.sub(r"(?s)(<!-- tasks -->\n).*(<!-- /tasks -->)", lambda m: m[1] + _table() + m[2], text)
    if request.config.getoption("--update-golden"):
        README.write_text(found, encoding="utf-8")
    assert README.read_text(encoding="utf-8") == found, "run this test with --update-golden"


def test_every_nox_session_the_readme_names_exists() -> None:
    named = set(re.findall(r"bootstrap\.py -s ([\w ]+)", README.read_text(encoding="utf-8")))
    sessions = re.findall(r"@nox\.session\ndef (\w+)", (ROOT / "noxfile.py").read_text(encoding="utf-8"))
    assert {word for words in named for word in words.split()} <= set(sessions)


def _table() -> str:
    command = [sys.executable, "-m", "invoke", "--list", "--list-format=json"]
    listed = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    rows = [(task["name"], task["help"]) for task in listed["tasks"]]
    rows += [(f"{group['name']}.{t['name']}", t["help"]) for group in listed["collections"] for t in group["tasks"]]
    return "| task | what it does |\n|---|---|\n" + "".join(f"| `invoke {name}` | {text} |\n" for name, text in rows)
