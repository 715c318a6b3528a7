"""Direct writes: bytes are sent to the socket at once, past the transport's buffer.

1. `send` is called once.  `write` gets exactly the bytes that `send` did not send, so that a client
   receives every byte once and in order.
2. If `send` raises `OSError`, `write` gets all the bytes.  The transport's own attempt to send them
   meets the same error, which the transport handles.
"""

from __future__ import annotations

from collections.abc import Callable


def direct_write(
    send: Callable[[bytes], int | None], write: Callable[[bytes], None], data: bytes
) -> None:
    """Send `data` with `send`, and pass the bytes that it did not send to `write`.

    `send` returns how many bytes it sent, or None if it sends or drops all of them itself; it may
    raise `OSError`.  `write` sends bytes now or later.  Exceptions of `write` are not caught.
    """
    try:
        sent = send(data)
    except OSError:
        sent = 0
    if sent != len(data) and sent is not None:
        write(data[sent:])
