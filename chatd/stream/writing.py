"""Direct writes: bytes that are ready are sent at once, past the transport's buffer.

1. `send` is tried once.  `write` gets exactly the bytes that `send` did not take, so that a client
   receives every byte once and in order.
2. An `OSError` of `send` is not handled here.  `write` gets all the bytes, and its own attempt
   meets the same error where the transport expects it.
"""

from __future__ import annotations

from collections.abc import Callable


def direct_write(
    send: Callable[[bytes], int | None], write: Callable[[bytes], None], data: bytes
) -> None:
    """Send `data` with `send`, and pass the rest to `write`.

    `send` returns how many bytes it took, or None if it takes care of all of them; it may raise
    `OSError`.  `write` takes bytes now or later.  Exceptions of `write` are not caught.
    """
    try:
        sent = send(data)
    except OSError:
        sent = 0
    if sent != len(data) and sent is not None:
        write(data[sent:])
