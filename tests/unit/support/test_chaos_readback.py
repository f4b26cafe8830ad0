"""What is read back is held against what was acknowledged, and the report tells what broke."""

import json
from pathlib import Path

import pytest

from tests.chaos import readback
from tests.chaos.report import HEADERS, Report, Row
from tests.support.linearizability.history import GONE, Operation, Status
from zkops.zookeeper.membership import parse_membership


def done(key: str, version: int, status: Status = "ok") -> Operation:
    return Operation(
        key=key,
        kind="write",
        session="0x1",
        invoked=1,
        returned=2,
        value=f"{key}{version}",
        version=version,
        status=status,
    )


def back(key: str, version: int, member: str = "m1", value: str = "") -> Operation:
    value = value or f"{key}{version}"
    return Operation(
        key=key,
        kind="read",
        session=f"{member}@9.0",
        invoked=9,
        returned=10,
        status="ok",
        version=version,
        value=value,
    )


def test_an_acknowledged_write_that_one_member_lacks_is_named() -> None:
    history = [done("/k", 1), done("/k", 3), done("/k", 2)]
    assert readback.lost(history, [back("/k", 3), back("/k", 3, "m2")]) == []
    assert readback.lost(history, [back("/k", 3), back("/k", 2, "m2"), back("/k", GONE, "m3")]) == [
        "/k has version 2 on m2, and version 3 was acknowledged",
        "/k has version -1 on m3, and version 3 was acknowledged",
    ]


def test_a_write_without_an_answer_may_be_there_or_not() -> None:
    history = [done("/k", 1), done("/k", GONE, status="unknown")]
    assert readback.lost(history, [back("/k", 1), back("/k", 2, "m2")]) == []


def test_members_that_do_not_agree_are_named() -> None:
    agreed = [back("/k", 3, "m1"), back("/k", 3, "m2")]
    assert readback.disagreements([*agreed, back("/other", 1, "m1")]) == []
    assert readback.disagreements([*agreed, back("/k", 3, "m3", value="other")]) == [
        "/k: the members do not agree: most say version 3, /k3; m3: version 3, other"
    ]
    assert len(readback.disagreements([*agreed, back("/k", 4, "m3")])) == 1


THREE = "".join(f"server.{n}=10.0.0.{n}:2888:3888:participant;2181\n" for n in (1, 2, 3))


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (THREE, True),
        (THREE.replace("10.0.0.3:2888:3888:participant", "10.0.0.3:2888:3888:observer"), False),
        (THREE.replace("10.0.0.2", "10.0.0.9"), False),
        (THREE + "server.4=10.0.0.4:2888:3888:participant;2181\n", False),
        (THREE + "server.4=10.0.0.4:2888:3888:observer;2181\n", False),
        (THREE.partition("\n")[2], False),
    ],
)
def test_a_membership_other_than_described_is_told(text: str, right: bool) -> None:
    found = readback.misplaced(parse_membership(text), {n: f"10.0.0.{n}" for n in (1, 2, 3)})
    assert (found == []) is right


def a_report() -> Report:
    rows = [
        Row(number=1, operation="refresh", fault="none", moment="", members=3, codes=["0"], mending=["0"], gap=0.31),
        Row(
            number=2,
            operation="join",
            fault="node killed",
            moment="after 2 steps",
            members=5,
            codes=["3"],
            mending=["3", "0"],
            gap=1.7,
        ),
    ]
    return Report(seed=7, replay="nox -s chaos -- --replay FILE", machine={"cores": 2}, started="now", rows=rows)


def test_a_report_tells_every_round_and_how_to_run_it_again(tmp_path: Path) -> None:
    report = a_report()
    report.write(tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "2 rounds, every promise kept" in text
    assert "again with `nox -s chaos -- --replay FILE`" in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 4
    assert all(line.count("|") == len(HEADERS) + 1 for line in rows)
    assert "0.31 s without a fault, 1.70 s with one" in text
    kept = json.loads((tmp_path / "report.json").read_text())
    assert (kept["kept"], kept["rows"][1]["mending"]) == (True, ["3", "0"])


def test_a_report_names_each_broken_promise_with_its_round(tmp_path: Path) -> None:
    report = a_report()
    report.rows[1].broken = ["/k has version 1 on m1, and version 2 was acknowledged"]
    report.write(tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "1 promises broken in 2 rounds" in text
    assert "- round 2: /k has version 1 on m1, and version 2 was acknowledged" in text
    assert json.loads((tmp_path / "report.json").read_text())["kept"] is False
