#!/usr/bin/env python3
"""Draws the icons of the page, `web/icon-*.png`, from the shape in `web/icon.svg`.

`icon-maskable.png` is the shape in white on the colour, with the margin that systems cut off.
Needs only the standard library; run it when the shape changes.
"""

import struct
import zlib
from pathlib import Path

WEB = Path(__file__).resolve().parent.parent / "web"
COLOUR = (0x24, 0x63, 0xA8)
WHITE = (255, 255, 255)
FINE = 4
"""Samples of a pixel in each direction."""


def inside(x: float, y: float) -> bool:
    """Whether a point of the picture, whose sides are 16, is in the speech bubble."""
    if 4 <= x <= 8 and 12 <= y <= 15 and (y - 12) <= (8 - x) * 3 / 4:
        return True  # the tip
    if not (1 <= x <= 15 and 2 <= y <= 12):
        return False
    across = max(3 - x, x - 13, 0)
    down = max(4 - y, y - 10, 0)
    return across * across + down * down <= 4


def cover(size: int, column: int, row: int, scale: float) -> float:
    """The share of a pixel that the shape covers; `scale` shrinks it around the middle."""
    found = 0
    for step in range(FINE * FINE):
        x = (column + (step % FINE + 0.5) / FINE) * 16 / size
        y = (row + (step // FINE + 0.5) / FINE) * 16 / size
        found += inside((x - 8) / scale + 8, (y - 8) / scale + 8.5 if scale < 1 else y)
    return found / (FINE * FINE)


def picture(size: int, *, maskable: bool) -> bytes:
    """A PNG."""
    lines = bytearray()
    for row in range(size):
        lines.append(0)  # no filter
        for column in range(size):
            share = cover(size, column, row, 0.62 if maskable else 1)
            if maskable:
                mixed = [round(c + (w - c) * share) for c, w in zip(COLOUR, WHITE, strict=True)]
                lines += bytes([*mixed, 255])
            else:
                lines += bytes([*COLOUR, round(255 * share)])
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(lines), 9)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


if __name__ == "__main__":
    for name, size, maskable in [("192", 192, False), ("512", 512, False), ("maskable", 512, True)]:
        (WEB / f"icon-{name}.png").write_bytes(picture(size, maskable=maskable))
