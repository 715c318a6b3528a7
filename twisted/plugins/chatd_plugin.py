"""Makes `twistd chatd` and `twistd --reactor=chatd-epoll` known to Twisted."""

from twisted.application.reactors import Reactor
from twisted.application.service import ServiceMaker

chatd = ServiceMaker(
    "chatd", "chatd.tap", "one room, many doors: a chat server for terminals and browsers", "chatd"
)
chatd_epoll = Reactor(
    "chatd-epoll", "chatd.net.reactor", "epoll(7) without a logging context around every event"
)
