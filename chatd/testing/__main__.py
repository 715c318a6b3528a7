"""`python -m chatd.testing conformance PORT`: serve `chatd.testing.conformance` on 127.0.0.1."""

from __future__ import annotations

import sys
from argparse import ArgumentParser

from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.python.runtime import platform


def main() -> None:
    """Serve until interrupted; with port 0, the log names the port."""
    parser = ArgumentParser(prog="python -m chatd.testing")
    commands = parser.add_subparsers(required=True)
    conformance = commands.add_parser("conformance", help="an echo for conformance suites")
    conformance.add_argument("port", type=int, metavar="PORT")
    port = parser.parse_args().port
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)])
    # As `twistd chatd` has it: the reactor, the write-through transport, the site.
    if platform.isLinux():
        from ..net.reactor import install_by_default

        install_by_default()
    from twisted.internet import reactor
    from twisted.internet.endpoints import serverFromString

    from ..net.connections import ConnectionLimiter, Connections
    from ..server.startup import Door
    from .conformance import echo_site

    text = f"tcp:{port}:interface=127.0.0.1"
    limiter = ConnectionLimiter(echo_site(reactor), Connections(reactor))
    Door("conformance", text, serverFromString(reactor, text), limiter).startService()
    reactor.run()


if __name__ == "__main__":
    main()
