"""Metrics in Prometheus' text format, version 0.0.4.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format.  The client
library of Prometheus would count at every event; here most values are read when they are asked for,
so all that is left of the library is this format.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

import msgspec

from ..model.metrics import Histogram

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_ESCAPED = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})


class Family(msgspec.Struct):
    """One metric, with all its values."""

    name: str
    kind: str
    """`gauge`, `counter` or `histogram`."""
    help: str
    label: str = ""
    values: dict[str, int | float] = {}
    """The values, by the value of the label; a metric without label has one, under `""`."""
    bounds: list[float] = []
    counts: list[int] = []
    """For a histogram, the upper bounds of its buckets, and how many values are in each."""
    sum: int | float = 0.0
    """For a histogram, the sum of its values."""
    common: bool = False
    """Whether all processes of a chat report one common value, of which `add` keeps the highest
    instead of the sum."""

    def add(self, other: Family) -> None:
        """Add the values of another process."""
        merge = max if self.common else sum
        for word, value in other.values.items():
            self.values[word] = merge((self.values.get(word, 0), value))
        if self.counts:
            self.counts = [a + b for a, b in zip(self.counts, other.counts, strict=True)]
            self.sum += other.sum

    def lines(self) -> Iterable[str]:
        """The metric as text."""
        yield f"# HELP {self.name} {self.help}"
        yield f"# TYPE {self.name} {self.kind}"
        if self.kind == "histogram":
            counts = list(accumulate(self.counts))
            for bound, count in zip([*self.bounds, "+Inf"], counts, strict=True):
                yield f'{self.name}_bucket{{le="{bound}"}} {count}'
            yield f"{self.name}_sum {self.sum!r}"
            yield f"{self.name}_count {counts[-1]}"
        elif self.label:
            for word, number in sorted(self.values.items()):
                yield f'{self.name}{{{self.label}="{word.translate(_ESCAPED)}"}} {number!r}'
        else:
            yield f"{self.name} {self.values['']!r}"


class Exposition:
    """Collects metrics, and writes them in the order in which they were added."""

    def __init__(self, families: Iterable[Family] = ()) -> None:
        self.families = list(families)

    def gauge(
        self,
        name: str,
        help: str,
        value: float | Mapping[str, float],
        label: str = "",
        *,
        common: bool = False,
    ) -> None:
        """A value that rises and falls, or one value for each value of a label; `common` is as for
        `Family`.
        """
        self.families.append(Family(name, "gauge", help, label, _values(value), common=common))

    def counter(
        self, name: str, help: str, value: float | Mapping[str, float], label: str = ""
    ) -> None:
        """A value that only rises, from 0 at the start; its name ends with `_total`."""
        self.families.append(Family(name, "counter", help, label, _values(value)))

    def histogram(self, name: str, help: str, histogram: Histogram) -> None:
        """The buckets of a histogram, each with the values of all lower ones, their number, and
        their sum.
        """
        bounds, counts = [*histogram.bounds], [*histogram.counts]
        family = Family(name, "histogram", help, bounds=bounds, counts=counts, sum=histogram.sum)
        self.families.append(family)

    def encode(self) -> bytes:
        """All metrics, as the body of a response."""
        return "".join(f"{line}\n" for one in self.families for line in one.lines()).encode()


def added(pages: Iterable[Sequence[Family]]) -> list[Family]:
    """Merge the metrics of several processes into one page, in the order of the first."""
    sums: dict[str, Family] = {}
    for page in pages:
        for family in page:
            known = sums.get(family.name)
            if known is None:
                sums[family.name] = msgspec.structs.replace(family, values=dict(family.values))
            else:
                known.add(family)
    return list(sums.values())


def _values(value: float | Mapping[str, float]) -> dict[str, int | float]:
    return dict(value) if isinstance(value, Mapping) else {"": value}
