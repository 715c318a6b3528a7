"""IRC: what clients send into commands, and events into lines.  Pure."""
