"""The commands of `chatd`."""
