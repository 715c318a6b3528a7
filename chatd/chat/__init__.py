"""The chat itself: who is where, what may be done, and the way of a command into the log."""
