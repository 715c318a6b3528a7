"""`python -m soak`: see `--help`.  Its exit status is 1 when a promise was broken."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path
from random import randrange
from tempfile import TemporaryDirectory

from .client import Refused
from .nodes import NODES_PATIENCE, Nodes
from .report import table
from .run import PATIENCE, Plan, Soak
from .server import Server
from .world import World

OPTIONS = ("--history", "200", "--message-rate", "10")
"""A small memory, so that sleepers are told of gaps, and a rate that only the greedy exceed."""
MOST_FINDINGS = 50
"""Findings that are printed."""
LAST_LINES = 20
"""Lines of the server's log that are printed when it does not answer any more."""


def arguments(words: list[str] | None) -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser("soak", description="Hold chatd to its promises for a while.")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (10)")
    parser.add_argument("--clients", type=int, default=300, help="how many (300)")
    parser.add_argument("--restarts", type=int, default=0, help="SIGTERM, kill -9, in turn (0)")
    parser.add_argument(
        "--nodes", type=int, default=1, help="on one Redis; --restarts are then of all faults (1)"
    )
    parser.add_argument("--seed", type=int, help="the clients' chance; another one each time")
    parser.add_argument(
        "--option", action="append", default=[], help="of the server: --option=--history=50"
    )
    return parser.parse_args(words)


async def soak(asked: argparse.Namespace, directory: Path) -> int:
    """Run it and report; answers the exit status."""
    if task := asyncio.current_task():
        # Whoever ends the soak ends its server too.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    seed = randrange(1_000_000) if asked.seed is None else asked.seed
    several = asked.nodes > 1
    patience = NODES_PATIENCE if several else PATIENCE
    plan = Plan(asked.minutes * 60, asked.clients, asked.restarts, patience)
    print(
        f"{plan.clients} clients for {plan.seconds:g} s, {plan.restarts} restarts, --seed {seed}",
        flush=True,
    )
    options = [*OPTIONS, *asked.option]
    server = Nodes(directory, options, asked.nodes, seed) if several else Server(directory, options)
    try:
        await server.start()
        world = World(server, seed, plan.haste)
        run = Soak(world, plan, lambda line: print(line, flush=True))
        verdict, figures = await run.run()
    except (OSError, asyncio.IncompleteReadError, Refused) as problem:
        print(f"BROKEN: the server did not do what the soak itself asked of it: {problem!r}")
        print("\n".join(server.log[-LAST_LINES:]))
        return 1
    finally:
        server.kill()
    print(table(world, plan, verdict, figures))
    for finding in verdict.findings[:MOST_FINDINGS]:
        print(f"BROKEN: {finding}")
    print(f"{len(verdict.findings)} findings" if verdict.findings else "every promise was kept")
    return 1 if verdict.findings else 0


def main(words: list[str] | None = None) -> int:
    """Run it in a directory of its own."""
    # It warns of what is written to a connection that was just lost: here that is the point.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    with TemporaryDirectory(prefix="soak-") as directory:
        try:
            return asyncio.run(soak(arguments(words), Path(directory)))
        except (asyncio.CancelledError, KeyboardInterrupt):
            return 1


if __name__ == "__main__":
    sys.exit(main())
