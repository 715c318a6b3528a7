"""`chatd doctor URL`: examines a server through its public address, proxy included."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from ..doctor import probes
from ..doctor.asking import Address, address_of
from ..doctor.certificate import examine_tls
from ..doctor.clock import examine_clock
from ..doctor.findings import Finding, NoChatd, remedies
from ..parser import Parser, progress
from ..status import DONE, FAILED, UNREACHABLE, USAGE

WAIT = 25
"""The `wait` of the doctor's poll in seconds.  The page's polls have the same."""
MOST_WAIT = 60
MOST_IDLE = 3600


def fill(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.description = (
        "Test a running server through its public address, proxy included: whether held polls, "
        "event streams, WebSockets, headers and TLS pass, and whether its clock is right. For each "
        "fault, print the line of configuration that mends it. Exit status: 0 if there is no "
        "fault, 1 if there is one, 3 if no chatd answers."
    )
    parser.add_argument("url", metavar="URL", help="the server: https://chat.example.org")
    parser.add_argument(
        "--idle",
        metavar="SECONDS",
        type=_seconds(MOST_IDLE),
        default=0,
        help=f"watch an idle stream for so long, at most {MOST_IDLE} (not watched by default)",
    )
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=_seconds(MOST_WAIT),
        default=WAIT,
        help=f"hold the poll for so long, at most {MOST_WAIT} (%(default)s)",
    )


def run(given: Namespace) -> int:
    """Examine the server, and print the findings.  Returns the exit status."""
    try:
        address = address_of(given.url)
    except ValueError as problem:
        sys.stderr.write(f"chatd: {problem}\n")
        return USAGE
    try:
        server = probes.greet(address)
    except NoChatd as problem:
        sys.stderr.write(f"chatd: {problem}\n")
        finding = examine_tls(address) if address.secure else None
        if finding and finding.fault:
            _tell(finding, "")
        return UNREACHABLE
    progress(f"examining; this takes {max(given.wait, given.idle)} s")
    found = examine(address, given.wait, given.idle)
    progress("")
    for finding in found:
        _tell(finding, server)
    return FAILED if any(finding.fault for finding in found) else DONE


def examine(address: Address, wait: int, idle: int) -> list[Finding]:
    """All findings; the examinations run concurrently."""
    work: list[Callable[[], Finding]] = [
        partial(examine_tls, address),
        partial(probes.examine_host, address),
        partial(probes.examine_poll, address, wait),
        partial(probes.examine_stream, address),
        partial(probes.examine_websocket, address),
        partial(examine_clock, address),
    ]
    if address.secure:
        work.insert(2, partial(probes.examine_forwarded, address))
    if idle:
        work.append(partial(probes.examine_idle, address, idle, progress))
    with ThreadPoolExecutor(len(work)) as pool:
        return [done.result() for done in [pool.submit(it) for it in work]]


def _tell(finding: Finding, server: str) -> None:
    sys.stdout.write(f"{finding.verdict:5}  {finding.what}: {finding.text}\n")
    if finding.fault:
        for line in remedies(finding.fault, server):
            sys.stdout.write(f"         {line}\n")


def _seconds(most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) > most:
            raise ArgumentTypeError(f"{text!r} is not a number of seconds up to {most}")
        return int(text)

    return read
