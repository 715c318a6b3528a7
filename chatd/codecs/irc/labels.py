"""Labelled responses (IRCv3 `labeled-response`): an answer repeats the label of its command.

1. An answer of one line or one batch has the label as a tag.  An answer of several lines becomes a
   batch with the label, and an empty answer becomes `ACK`.
2. Only the connection that sent a label receives it.
"""

from __future__ import annotations

from collections.abc import Sequence

from .message import form, format_tags, parse, parse_tags

MOST_LABEL = 64
"""Bytes in a label; a longer one is ignored."""


def label_of(tags: object) -> str:
    """The label among a client's tags; empty if there is no valid one."""
    label = tags.get("label", "") if isinstance(tags, dict) else ""
    return label if len(label.encode()) <= MOST_LABEL else ""


def tagged(line: str, **tags: str) -> str:
    """A line with these tags before its own; on a conflict its own tags count."""
    if line.startswith("@"):
        written, _, line = line[1:].partition(" ")
        tags = {**tags, **parse_tags(written)}
    return format_tags(tags) + line


def labelled(lines: Sequence[str], label: str, ref: str, server: str) -> list[str]:
    """The lines of an answer, labelled; `ref` is a free name for a batch."""
    if not lines:
        return [form("ACK", source=server, tags={"label": label})]
    first = tagged(lines[0], label=label)
    if len(lines) == 1 or _is_one_batch(lines):
        return [first, *lines[1:]]
    inner = [tagged(line, batch=ref) for line in lines]
    return [opened(label, ref, server), *inner, end_of(ref, server)]


def opened(label: str, ref: str, server: str) -> str:
    """The line that opens the batch of a labelled answer."""
    return form("BATCH", f"+{ref}", "labeled-response", source=server, tags={"label": label})


def end_of(ref: str, server: str) -> str:
    """The line that ends a batch."""
    return form("BATCH", f"-{ref}", source=server)


def _is_one_batch(lines: Sequence[str]) -> bool:
    """Whether the lines are one batch, from its opening to its end."""
    first, last = parse(lines[0]), parse(lines[-1])
    return (
        first is not None
        and last is not None
        and first.command == last.command == "BATCH"
        and first.params[0][1:] == last.params[0][1:]
    )
