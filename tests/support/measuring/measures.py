"""What was measured, as data: samples of one quantity in two or more columns; medians, spread, ratios."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any

PEER, OURS = "peer", "ours"


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One quantity in both images; a column without samples says that its image has no such thing."""

    group: str
    name: str
    unit: str
    peer: Sequence[float] = ()
    ours: Sequence[float] = ()
    more_is_better: bool = False
    exact: bool = False
    """Whether one sample is the truth, as a size is; of anything else one sample shows no difference."""
    headline: str = ""
    """The short name in the README's table; empty keeps it out of there."""

    @property
    def ratio(self) -> float | None:
        """Ours divided by the peer's, of the medians; None where one is missing or the peer's is 0."""
        if not self.ours or not self.peer or not median(self.peer):
            return None
        return median(self.ours) / median(self.peer)


@dataclass
class Samples:
    """Collects samples while a group runs, in the order in which quantities were first named."""

    group: str
    _found: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, column: str, name: str, unit: str, value: float, **settings: Any) -> None:
        """Add one sample; *settings* are those of the measure, such as `headline`."""
        entry = self._found.setdefault(name, {"unit": unit, PEER: [], OURS: []} | settings)
        entry[column].append(value)

    def measures(self) -> list[Measure]:
        """Give what was collected."""
        return [Measure(group=self.group, name=name, **entry) for name, entry in self._found.items()]


def spread(samples: Sequence[float]) -> tuple[float, float]:
    """Give the lower and the upper quartile; the least and the greatest of fewer than eight samples."""
    ordered = sorted(samples)
    if len(ordered) < 8:
        return ordered[0], ordered[-1]
    return quantile(ordered, 0.25), quantile(ordered, 0.75)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Give the value below which *share* (0 to 1) of the sorted samples lie, interpolated."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def from_buckets(buckets: Mapping[int, int], share: float, width: float) -> float:
    """Give a quantile of counted values: bucket n holds those from n to n + 1 times *width*; its middle is given."""
    wanted, seen = share * sum(buckets.values()), 0
    for bucket in sorted(buckets):
        seen += buckets[bucket]
        if seen >= wanted:
            return (bucket + 0.5) * width
    raise ValueError("no values were counted")


def longest_gap(times: Sequence[float], begin: float, end: float) -> float:
    """Give the longest stretch without one of the ascending *times* between *begin* and *end*, both counted as times.

    A time before *begin* is where the first stretch begins: an outage begins with the last success before it.
    """
    before = [time for time in times if time <= begin][-1:] or [begin]
    points = [*before, *(time for time in times if begin < time < end), end]
    return max(later - earlier for earlier, later in pairwise(points))
