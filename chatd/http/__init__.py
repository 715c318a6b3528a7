"""HTTP/1.1 with limits and strict parsing, and WebSocket framing, independent of the chat."""
