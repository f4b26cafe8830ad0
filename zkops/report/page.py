"""A rollout as one page of HTML that needs nothing beside it: no network, no script, no other file; pure.

Its policy for browsers (Content-Security-Policy) allows exactly its own style sheet, by hash, and nothing else.
"""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from zkops.core.units import lasting, milliseconds, times
from zkops.ensemble.summary import short
from zkops.report.chart import chart, kind_of
from zkops.report.timeline import Gate, Taken, Timeline, changes_of_leader, gaps, lanes, reigns
from zkops.zookeeper.heartbeat.result import Beats, Gap

DATA = Path(__file__).parent
POLICY = "default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
MOST_ROWS = 200
"""Of leaders and of lost writes so many are told; more make no page anybody reads."""

RESULTS = {
    "done": ("Done", "Every step was done.", ""),
    "undone": ("Undone", "It was stopped, and all is as it was before.", "Why it was undone"),
    "failed": ("Failed", "It was stopped; what was done before stays.", "Why it failed"),
    "interrupted": ("Interrupted", "It was cut off; what was done before stays.", "Why it ended early"),
}
"""The word, the sentence, and the heading of the cause."""
SIGNS = {"done": "✓", "undone": "↩", "failed": "✗", "interrupted": "■"}
GATES = {
    "restart": "its member is back, and all serve under one leader, in sync with it",
    "leave": "all serve under one leader, in sync with it",
    "enter": "all serve under one leader, in sync with it",
    "label": "its member has learnt everything, and all serve under one leader",
    "unlabel": "its member has ended",
    "wait": "all that is waited for serve and agree on one leader",
}
"""What each step waits for, see `zkops.rollout.executor`; the others change objects and wait for nobody."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number of the summary."""

    name: str
    value: str
    note: str
    bad: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """One step in the table."""

    number: int
    step: Taken
    kind: str
    gate: str
    waited: str
    gap: str
    longest: bool
    leader: str


def page(timeline: Timeline) -> str:
    """Write the page."""
    style = (DATA / "report.css").read_text(encoding="utf-8")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            t=timeline,
            chart=chart(timeline),
            names=short_names(lanes(timeline)),
            figures=figures(timeline),
            rows=rows(timeline),
            reigns=reigns(timeline)[:MOST_ROWS],
            result=RESULTS[timeline.outcome],
            sign=SIGNS[timeline.outcome],
            image=short(timeline.image),
            most=MOST_ROWS,
            style=style,
            policy=POLICY.format(digest=digest),
        )
    )


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(DATA),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"lasting": lasting, "clock": _clock, "day": _day, "iso": _iso}
    return found


def figures(timeline: Timeline) -> list[Figure]:
    """Give the summary in numbers."""
    planned, taken = len(timeline.plan), sum(not step.undoing and not step.failure for step in timeline.steps)
    back = sum(step.undoing for step in timeline.steps)
    note = f"{taken} of {planned} planned steps" + (f", then {back} to go back" if back else "")
    if timeline.outcome == "done":
        note = f"{len(timeline.steps)} steps"
    took = Figure(name="Took", value=lasting(timeline.seconds), note=note)
    return [took, *_seen(timeline), _led(timeline)]


def _seen(timeline: Timeline) -> list[Figure]:
    beats = timeline.beats
    if not beats:
        return []
    lost = times(beats.sessions_lost)
    latency = beats.latency
    return [
        _longest(beats.longest, timeline.max_gap),
        _acknowledged(beats),
        Figure(
            name="Session",
            value="lost" if beats.sessions_lost else "kept",
            note=f"expired {lost}" if beats.sessions_lost else "and its ephemeral znode with it",
            bad=bool(beats.sessions_lost),
        ),
        Figure(
            name="Time for a write",
            value=milliseconds(latency.p50),
            note=f"99 % within {milliseconds(latency.p99)}, slowest {milliseconds(latency.max)}",
        ),
    ]


def _longest(gap: Gap, limit: float | None) -> Figure:
    over = limit is not None and gap.seconds > limit
    note = (gap.mark or "before the first step") + (f", over the limit of {limit:g} s" if over else "")
    return Figure(name="Longest gap", value=lasting(gap.seconds), note=note, bad=over)


def _acknowledged(beats: Beats) -> Figure:
    read_back = f"none lost, read back from {len(beats.verified)} members" if beats.verified else "not read back"
    note = f"{len(beats.lost)} lost" if beats.lost else read_back
    return Figure(name="Writes acknowledged", value=f"{beats.acknowledged:,}", note=note, bad=bool(beats.lost))


def _led(timeline: Timeline) -> Figure:
    known = [span.value for span in reigns(timeline) if span.value]
    changes = changes_of_leader(timeline)
    said = f"changed {times(changes)}" if changes else "stayed"
    names = short_names(lanes(timeline))
    ends = [names.get(host, host) for host in (known[:1] + known[-1:] if changes else known[:1])]
    return Figure(name="Leader", value=said if known else "none seen", note=" → ".join(ends))


def rows(timeline: Timeline) -> list[Row]:
    """Give the steps with all that is known of each."""
    longest = timeline.beats.longest if timeline.beats else None
    names = short_names(lanes(timeline))
    found = []
    for number, (step, gap) in enumerate(zip(timeline.steps, gaps(timeline), strict=True), 1):
        leader = _leader_at(timeline, step.ended)
        row = Row(
            number=number,
            step=step,
            kind=kind_of(step),
            gate=GATES.get(step.intent.action, "") if step.gate else "",
            waited=_waited(step.gate) if step.gate else "",
            gap=_gap(gap),
            longest=gap is not None and gap == longest,
            leader=names.get(leader, leader),
        )
        found.append(row)
    return found


def _waited(gate: Gate) -> str:
    if gate.held is None:
        return f"not passed in {lasting(gate.ended - gate.begun)}"
    stayed = f", then so for {lasting(gate.ended - gate.held)}" if gate.proof else ""
    return f"passed after {lasting(gate.held - gate.begun)}{stayed}"


def _gap(gap: Gap | None) -> str:
    return lasting(gap.seconds) if gap else ""


def short_names(hosts: Iterable[str]) -> dict[str, str]:
    """Leave out the domain of hostnames where they differ without it: `zk-1.example.com` is `zk-1`."""
    found = {host: host.partition(".")[0] for host in hosts}
    return found if len(set(found.values())) == len(found) else {host: host for host in found}


def _leader_at(timeline: Timeline, at: float) -> str:
    return next((span.value for span in reigns(timeline) if span.begun <= at <= span.ended and span.value), "")


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _iso(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
