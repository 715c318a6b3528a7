"""WebSocket frames that can be read without a parser's state (RFC 6455, section 5.2).

Nearly every packet of a client is one whole frame: a text that is not fragmented, or the pong that
answers a ping.  `wsproto` can parse any frame, cut anywhere, and takes some eighty calls of Python
more for a short text.  The functions here recognise those two frames, and refuse nothing: whatever
they do not recognise, such as a broken frame, is left to `wsproto`.
"""

from __future__ import annotations

TEXT, PONG = 0x81, 0x8A
"""The first byte of a whole text, and of a pong: the last frame of its message, no extension."""
MASKED = 0x80
"""The bit of the second byte that every frame of a client has."""
KEY_BYTES = 4
SHORT = 125
"""The longest payload whose length is in the second byte, and of a pong."""
TWO_BYTES = 126
"""In place of a length: the length is in the next two bytes."""


def whole_text(data: bytes) -> str | None:
    """The text of a message, if these bytes are one frame, and that is the whole message."""
    if len(data) < 2 or data[0] != TEXT:
        return None
    length, key_at = data[1] - MASKED, 2
    if length == TWO_BYTES:
        length, key_at = int.from_bytes(data[2:4]), 4
        if length <= SHORT:
            return None  # it has to be in the second byte
    elif not 0 <= length <= SHORT:
        return None  # eight bytes of length, or no mask
    at = key_at + KEY_BYTES
    if len(data) != at + length:
        return None
    key = (data[key_at:at] * (length // KEY_BYTES + 1))[:length]
    text = (int.from_bytes(data[at:]) ^ int.from_bytes(key)).to_bytes(length)
    try:
        return text.decode()
    except UnicodeDecodeError:
        return None


def is_whole_pong(data: bytes) -> bool:
    """Whether these bytes are one pong."""
    if len(data) < 2 or data[0] != PONG:
        return False
    length = data[1] - MASKED
    return 0 <= length <= SHORT and len(data) == 2 + KEY_BYTES + length
