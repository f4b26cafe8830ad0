"""Answers of /metrics, read strictly."""

import re
from dataclasses import dataclass

from .servers import Server

Labels = tuple[tuple[str, str], ...]

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,|$)')


@dataclass(frozen=True)
class Scrape:
    """One answer of /metrics: type and help of each family, value of each sample."""

    types: dict[str, str]
    helps: dict[str, str]
    samples: dict[tuple[str, Labels], float]

    def value(self, name: str, **labels: str) -> float:
        return self.samples[name, tuple(labels.items())]

    def names(self) -> set[str]:
        return {name for name, _ in self.samples}

    def labels(self, name: str, label: str) -> set[str]:
        return {value for found, labels in self.samples if found == name for key, value in labels if key == label}


def parse(text: str) -> Scrape:
    """Read the text format 0.0.4 strictly: HELP, TYPE and samples of a family stand together, none twice."""
    scrape = Scrape({}, {}, {})
    family = ""
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family, scrape.helps[family] = line.removeprefix("# HELP ").split(" ", 1)
            assert family not in scrape.types, family
        elif line.startswith("# TYPE "):
            assert line.split()[2] == family
            scrape.types[family] = line.split()[3]
        else:
            add(scrape, family, line)
    assert scrape.helps.keys() == scrape.types.keys()
    return scrape


def add(scrape: Scrape, family: str, line: str) -> None:
    match = SAMPLE.fullmatch(line)
    assert match, line
    name, inside, value = match.groups()
    labels = tuple(LABEL.findall(inside or ""))
    assert LABEL.sub("", inside or "") == "", line
    summary = scrape.types[family] == "summary"
    assert name in ({family, family + "_sum", family + "_count"} if summary else {family})
    assert (name, labels) not in scrape.samples, line
    scrape.samples[name, labels] = float(value)


ASK = 'printf "GET %s HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n" "$1" | nc -w 10 127.0.0.1 7000'


def answer(asked: Server, path: str) -> tuple[str, str]:
    """Ask from inside the container; give head and body."""
    head, _, body = asked.run("sh", "-c", ASK, "ask", path).text.partition("\r\n\r\n")
    return head, body


def metrics(asked: Server, query: str = "") -> Scrape:
    """Scrape /metrics with a query such as `?set=all`."""
    head, body = answer(asked, "/metrics" + query)
    assert head.startswith("HTTP/1.1 200 "), head
    return parse(body)
