"""The reports on this machine: written however a rollout ended, never a reason for it to fail, listed and opened."""

import json
import webbrowser
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import timelines
from zkops.commands import report as command
from zkops.core.errors import Failed
from zkops.report import files as reports
from zkops.report import page as report


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(reports, "DIRECTORY", tmp_path / "build" / "reports")
    return tmp_path / "build" / "reports"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser was asked for; as where nobody has a screen."""
    asked: list[str] = []
    monkeypatch.setattr(webbrowser, "open", asked.append)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    return asked


def test_the_page_is_named_by_its_time_and_told_on_stderr(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = reports.write(timelines.done())
    assert page == directory / "2026-11-23T01-50-00Z.html"
    assert page.read_text() == report.page(timelines.done())
    said = capsys.readouterr()
    assert said.err.strip() == f"report: {page}"
    assert said.out == ""


def test_what_was_recorded_is_read_back_as_it_was() -> None:
    for make in (timelines.done, timelines.undone, timelines.failed, timelines.interrupted):
        page = reports.write(make())
        assert page
        assert reports.read(page) == make()


def test_two_rollouts_of_one_second_have_a_page_each(directory: Path) -> None:
    first, second = reports.write(timelines.done()), reports.write(timelines.undone())
    assert first != second
    assert reports.pages() == (second, first)
    assert len(list(directory.iterdir())) == 4


def test_a_directory_that_cannot_be_written_is_a_warning(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory.parent.write_text("a file in the place of the directory: nobody can write there, not even root")
    assert reports.write(timelines.done()) is None
    said = capsys.readouterr().err
    assert said.startswith("warning: there is no report of this rollout: ")
    assert str(directory) in said


def test_a_full_disk_is_a_warning_and_leaves_no_half_page(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    assert reports.write(timelines.done()) is None
    assert "No space left on device" in capsys.readouterr().err
    assert list(directory.iterdir()) == []


def test_a_defect_in_the_page_is_a_warning(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(_: object) -> str:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr(report, "page", broken)
    assert reports.write(timelines.done()) is None
    assert "ZeroDivisionError: of ours" in capsys.readouterr().err


def test_the_list_tells_the_newest_first_also_of_records_that_cannot_be_read(directory: Path) -> None:
    for number, make in enumerate((timelines.done, timelines.undone, timelines.interrupted)):
        assert reports.write(replace(make(), begun=timelines.BEGUN + 60 * number))
    (directory / "2026-11-23T01-50-00Z.json").write_text('{"ensemble": "de')
    found = reports.listed()
    assert [summary.outcome for summary in found] == ["interrupted", "undone", "cannot be read"]
    assert found[1].row()[:4] == ["2026-11-23T01:51:00Z", "demo", "upgrade", "root@vm"]
    assert found[1].longest_gap == pytest.approx(0.05, abs=0.03)
    assert found[0].longest_gap is None
    assert [len(summary.row()) for summary in found] == [len(reports.HEADERS)] * 3


def test_the_newest_is_told_and_not_opened_where_there_is_no_screen(
    opened: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    page = reports.write(timelines.done())
    command.task(as_list=False, json=False)
    assert capsys.readouterr().out.strip() == str(page)
    assert opened == []


def test_the_newest_is_opened_where_somebody_looks(opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    reports.write(timelines.done())
    page = reports.write(replace(timelines.done(), begun=timelines.BEGUN + 1))
    assert page
    monkeypatch.setenv("DISPLAY", ":0")
    command.task(as_list=False, json=False)
    assert opened == [], "stdout is a pipe: a script asked"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    command.task(as_list=False, json=False)
    assert opened == [page.as_uri()]


def test_json_gives_all_that_was_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    page = reports.write(timelines.done())
    command.task(as_list=False, json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["page"] == str(page)
    assert [step["intent"]["action"] for step in found["steps"]] == [i.action for i in timelines.intents()]
    command.task(as_list=True, json=True)
    assert [summary["page"] for summary in json.loads(capsys.readouterr().out)] == [str(page)]


def test_without_a_report_it_is_said_where_they_come_from(directory: Path) -> None:
    assert reports.listed() == ()
    with pytest.raises(Failed, match="there is no report") as caught:
        command.task(as_list=False, json=False)
    assert "invoke deploy" in caught.value.mend
    page = directory / "gone.html"
    with pytest.raises(Failed, match="cannot be read"):
        reports.read(page)
