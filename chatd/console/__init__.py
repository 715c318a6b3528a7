"""The command `chatd`, by which the operator administers the server on its own machine."""
