"""The error that a command of the console ends with."""

from __future__ import annotations


class Refused(Exception):
    """The command was refused, or could not be carried out; the message says why."""
