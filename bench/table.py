"""Tables in Markdown whose columns also align in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

Cell = str | float | None


def table(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A table; the first column is text, the others are numbers or formatted numbers."""
    cells = [list(header), *([shown(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [_line(row, widths) for row in cells]
    rule = ["-" * widths[0], *(f"{'-' * (width - 1)}:" for width in widths[1:])]
    return "\n".join([lines[0], _line(rule, widths), *lines[1:]])


def shown(cell: Cell) -> str:
    """A number with three significant figures; empty if it was not measured."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if abs(cell) >= 100:
        return f"{cell:,.0f}"
    return f"{cell:.1f}" if abs(cell) >= 10 else f"{cell:.2f}"


def times(ratio: float | None) -> str:
    """A ratio with `×`; empty if it was not measured."""
    return "" if ratio is None else f"{shown(ratio)}×"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = row
    padded = [first.ljust(widths[0])]
    padded += [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
    return f"| {' | '.join(padded)} |"
