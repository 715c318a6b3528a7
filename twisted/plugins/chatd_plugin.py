"""Tells twistd about `twistd chatd`; imports nothing of chatd until it is chosen."""

from twisted.application.service import ServiceMaker

chatd = ServiceMaker(
    "chatd",
    "chatd.tap",
    "one room, many doors: a chat server for terminals and browsers",
    "chatd",
)
