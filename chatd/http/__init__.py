"""HTTP/1.1 with limits, strict parsing, WebSocket framing.  Nothing here knows the chat."""
