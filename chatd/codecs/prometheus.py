"""Metrics in Prometheus' text format, version 0.0.4.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format.  The client
library of Prometheus would count at every event; here most values are read when they are asked for,
so all that is left of the library is this format.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

from ..model.metrics import Histogram

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_ESCAPED = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})


class Exposition:
    """Collects metrics, and writes them in the order in which they were added."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def gauge(
        self, name: str, help: str, value: float | Mapping[str, float], label: str = ""
    ) -> None:
        """A value that rises and falls, or one value for each value of a label."""
        self._add(name, "gauge", help, value, label)

    def counter(
        self, name: str, help: str, value: float | Mapping[str, float], label: str = ""
    ) -> None:
        """A value that only rises, from 0 at the start; its name ends with `_total`."""
        self._add(name, "counter", help, value, label)

    def histogram(self, name: str, help: str, histogram: Histogram) -> None:
        """The buckets of a histogram, each with the values of all lower ones, their number, and
        their sum.
        """
        self._head(name, "histogram", help)
        counts = list(accumulate(histogram.counts))
        for bound, count in zip([*histogram.bounds, "+Inf"], counts, strict=True):
            self._lines.append(f'{name}_bucket{{le="{bound}"}} {count}')
        self._lines += [f"{name}_sum {histogram.sum!r}", f"{name}_count {counts[-1]}"]

    def encode(self) -> bytes:
        """All metrics, as the body of a response."""
        return "".join(f"{line}\n" for line in self._lines).encode()

    def _head(self, name: str, kind: str, help: str) -> None:
        self._lines += [f"# HELP {name} {help}", f"# TYPE {name} {kind}"]

    def _add(
        self, name: str, kind: str, help: str, value: float | Mapping[str, float], label: str
    ) -> None:
        self._head(name, kind, help)
        if isinstance(value, Mapping):
            for word, number in sorted(value.items()):
                self._lines.append(f'{name}{{{label}="{word.translate(_ESCAPED)}"}} {number!r}')
        else:
            self._lines.append(f"{name} {value!r}")
