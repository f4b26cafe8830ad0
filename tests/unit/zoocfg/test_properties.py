"""zoo.cfg is read as java.util.Properties.load reads it."""

import pytest

from zkops.zoocfg.properties import parse


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a=1", [(1, "a", "1")]),
        ("a:1\nb 2\nc\t3\nd = 4\ne :5", [(1, "a", "1"), (2, "b", "2"), (3, "c", "3"), (4, "d", "4"), (5, "e", "5")]),
        ("# a=1\n! b=2\n\n   # c\n d=4", [(5, "d", "4")]),
        ("a=1\r\nb=2\rc=3", [(1, "a", "1"), (2, "b", "2"), (3, "c", "3")]),
        ("a=1,\\\n   2,\\\n\t3\nb=4", [(1, "a", "1,2,3"), (4, "b", "4")]),
        ("# no \\\na=1", [(2, "a", "1")]),
        ("a=1\\\n# 2", [(1, "a", "1# 2")]),
        ("a=1\\\\\nb=2", [(1, "a", "1\\"), (2, "b", "2")]),
        ("a\\=b=c\\:d", [(1, "a=b", "c:d")]),
        ("a\\ b = c", [(1, "a b", "c")]),
        ("a=\\u0041\\t|", [(1, "a", "A\t|")]),
        ("a==1", [(1, "a", "=1")]),
        ("a=b=c", [(1, "a", "b=c")]),
        ("a", [(1, "a", "")]),
        ("=1", [(1, "", "1")]),
        ("a=1  ", [(1, "a", "1")]),
        ("a=1 # b", [(1, "a", "1 # b")]),
        ("a=1\\", [(1, "a", "1")]),
        ("", []),
    ],
)
def test_lines_are_read_as_java_reads_them(text: str, wanted: list[tuple[int, str, str]]) -> None:
    assert [(entry.line, entry.key, entry.value) for entry in parse(text)] == wanted


def test_a_repeated_key_is_kept() -> None:
    assert [entry.line for entry in parse("a=1\na=2")] == [1, 2]


def test_backslashes_that_vanish_and_broken_escapes_are_marked() -> None:
    assert [(entry.lost, entry.malformed) for entry in parse("a=C:\\zk\nb=\\u12\nc=\\uabcd\nd=\\\\x\ne=\\:")] == [
        (True, False),
        (False, True),
        (False, False),
        (False, False),
        (False, False),
    ]
