"""The text of a /metrics page as plain samples; pure.

The format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Page:
    """The samples of one page."""

    samples: Mapping[tuple[str, Labels], float]
    """Name and labels → value. What the page calls a counter has a name that ends in `_total`, whatever it had."""

    def value(self, name: str, **labels: str) -> float | None:
        """Give the sample with exactly these labels; None where there is none, or it is no number, as of no values."""
        found = self.samples.get((name, frozenset(labels.items())), math.nan)
        return found if math.isfinite(found) else None

    def label(self, name: str, label: str) -> str | None:
        """Give what a label says on the first sample of that name."""
        return next((value for found in self._labels(name) for key, value in found if key == label), None)

    def _labels(self, name: str) -> Iterator[Labels]:
        return (labels for known, labels in self.samples if known == name)


def parse(text: str) -> Page:
    """Read a page.

    Raises:
        ValueError: it is none.
    """
    try:
        families = list(text_string_to_metric_families(text))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        # The parser trusts its input: half a line ends in whatever its code meets first.
        raise ValueError(f"this is no page of metrics: {error or type(error).__name__}") from error
    return Page({(s.name, frozenset(s.labels.items())): float(s.value) for family in families for s in family.samples})
