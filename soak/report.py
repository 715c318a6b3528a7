"""The figures of a soak, as a table for people and for docs/reliability.md."""

from __future__ import annotations

from collections.abc import Iterator

from .checker import Verdict
from .run import Figures, Plan
from .world import World


def table(world: World, plan: Plan, verdict: Verdict, figures: Figures) -> str:
    """A table in Markdown."""
    rows = [("figure", ""), ("---", "---:"), *_rows(world, plan, verdict, figures)]
    return "\n".join(f"| {name} | {value} |" for name, value in rows)


def _rows(
    world: World, plan: Plan, verdict: Verdict, figures: Figures
) -> Iterator[tuple[str, str]]:
    sayings, counts = world.sayings, world.counts
    stored = sum(saying.stored for saying in sayings)
    refused = sum(bool(saying.refusal) for saying in sayings)
    yield "clients, seconds, restarts", f"{plan.clients}, {plan.seconds:g}, {plan.restarts}"
    yield "messages sent", f"{len(sayings):,}"
    yield "acknowledged", f"{stored:,}"
    yield "refused", f"{refused:,}"
    yield "answer lost with the connection", f"{len(sayings) - stored - refused:,}"
    yield "repeats sent", f"{counts['repeats']:,}"
    for code, count in sorted(world.refusals.items()):
        yield f"refusals: {code}", f"{count:,}"
    yield "events delivered", f"{counts['events delivered']:,}"
    yield "gaps told", f"{counts['gaps told']:,}"
    yield "gaps told that covered nothing", f"{verdict.idle_gaps:,}"
    for name in ("reconnects", "left or reset by the client", "half-closed"):
        yield name, f"{counts[name]:,}"
    yield "stopped reading for a while", f"{counts['stopped reading for a while']:,}"
    for name in sorted(counts):
        if name.startswith(("cut off", "gaps told, ")):
            yield name, f"{counts[name]:,}"
    start, most, end = figures.start, figures.most, figures.end
    yield (
        "memory at start, highest, end (MiB)",
        " / ".join(f"{status.memory / 2**20:.0f}" for status in (start, most, end)),
    )
    yield (
        "descriptors at start, highest, end",
        _three(start.descriptors, most.descriptors, end.descriptors),
    )
    yield "threads at start, highest, end", _three(start.threads, most.threads, end.threads)
    yield "lines in the log that are not information", f"{len(world.server.troubles):,}"
    yield "promises broken", f"{len(verdict.findings):,}"


def _three(*values: int) -> str:
    return " / ".join(f"{value:,}" for value in values)
