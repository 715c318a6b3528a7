"""`make bench`: chatd beside its peers on this machine."""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from .chatd import Chatd
from .encrypted import Tls
from .load import HERE, IN_PYTHON, LoadFailed, Loads
from .machine import machine
from .peers import PEERS, BareLoop, Floor, Nchan, NodeNet, NodeWs, PlainTwisted
from .progress import Progress
from .scenarios import CROWD, Comparison, Crowd, Latency, Scenario, Speakers, complaints
from .servers import DOORS, LeftOut, SecureServer, Server
from .storms import Storms
from .table import table

T = TypeVar("T")

METHOD = """\
Method: servers run one at a time, in turn, and the figures are medians of the rounds. The main
figure is the CPU time that the server's process spends per delivered event: messages of {size}
bytes to all readers of one room, with the given number of messages under way at once. Unlike real
time, CPU time can be compared on a busy machine; but trust ratios within one run, not absolute
figures. Milliseconds are real time from sending to receiving, and include the load's own: let
nothing else run meanwhile."""
SCENARIOS = ("fanout", "latency", "speakers", "crowd", "tls", "storm")
USUAL = SCENARIOS[:4]
"""The scenarios without the option `--only`."""
SPARE_FILES = 100
"""Descriptors that a server or a load needs beside its connections."""
MOST_SECONDS = 60
"""The longest measurement; a longer one would exceed the time in which the load must answer."""
MOST_FILES = 65536
"""The highest limit of open files: nginx allocates memory for all of them when it starts."""
MIN_SIZE, MAX_SIZE = 20, 4096
"""Bytes in the stamp at the start of each text; the default of `--max-text`."""


def listed(kind: Callable[[str], T]) -> Callable[[str], list[T]]:
    """Parser of an option's comma-separated values."""

    def read(text: str) -> list[T]:
        words = [word.strip() for word in text.split(",") if word.strip()]
        if not words:
            raise argparse.ArgumentTypeError("nothing is listed; leave the option out")
        return [kind(word) for word in words]

    return read


def positive(text: str) -> int:
    """Parser of a number from 1 up.  Raises `ArgumentTypeError`."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 up")
    return int(text)


def some_time(text: str) -> float:
    """Parser of a number of seconds.  Raises `ArgumentTypeError`."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is no time of up to {MOST_SECONDS} seconds")
    return value


def among(choices: Sequence[str]) -> Callable[[str], str]:
    """Parser of one of these words."""

    def read(word: str) -> str:
        if word not in choices:
            raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(choices)}")
        return word

    return read


def options() -> argparse.ArgumentParser:
    """The parser of `make bench ARGS=...`."""
    parser = argparse.ArgumentParser(
        prog="make bench",
        description="Measures chatd beside its peers. Give options as make bench ARGS='...'.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--only",
        type=listed(among(SCENARIOS)),
        default=",".join(USUAL),
        help=f"what to measure, of {', '.join(SCENARIOS)}",
    )
    add("--doors", type=listed(among(DOORS)), default=",".join(DOORS), help="on which doors")
    add("--readers", type=listed(positive), default="1000", help="how many, in one room")
    add("--window", type=listed(positive), default="1,16", help="messages under way at once")
    add("--seconds", type=some_time, default=0.5, help="of each measurement")
    add("--rounds", type=positive, default=3, help="of the fan-out, of which medians are taken")
    add("--store", type=listed(str), default="memory:", help="chatd's; a relative path is fresh")
    add("--size", type=positive, default=64, help="bytes in a message's text")
    add("--crowd", type=positive, default=CROWD, help="readers of the crowd")
    add("--tls", action="store_true", help="TLS, too: the same as --only …,tls")
    add("--tls-readers", type=positive, default=300, help="how many, over TLS")
    add("--storm", type=positive, default=2000, help="clients that come back after a restart")
    return parser


def compiled(source: Path, directory: Path, tls: bool = False) -> Path | None:
    """A C program, compiled with the machine's compiler; None if that is missing or fails.

    With `tls`, the program speaks TLS; then the compiler needs OpenSSL's headers, too.
    """
    if shutil.which("cc") is None:
        return None
    program = directory / (f"{source.stem}-tls" if tls else source.stem)
    words = ["-DTLS", "-lssl", "-lcrypto"] if tls else []
    done = subprocess.run(
        ["cc", "-O2", "-o", program, source, *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        why = "OpenSSL's headers are missing (Debian: libssl-dev)" if tls else done.stderr.strip()
        print(f"cc cannot make {source.name}{' for TLS' if tls else ''}: {why}")
        return None
    return program


def loads_of(load: Path | None, secure: Path | None, size: int) -> Loads:
    """The load generators, with these programs in C or the one in Python."""
    if load is None:
        print("No C compiler (cc): the load is one in Python, dearer than some servers.")
        return Loads(IN_PYTHON, size)
    return Loads((str(load),), size, (str(secure),) if secure else IN_PYTHON)


def allow_files() -> int:
    """Raise the limit of open files for this process and its children.  Returns the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most


def present(servers: Sequence[Server], directory: Path) -> list[Server]:
    """The servers that can be started.  Prints the version of each, or why it is left out."""
    found = []
    for server in servers:
        try:
            version = server.version()
            with tempfile.TemporaryDirectory(dir=directory) as home, server.running(Path(home)):
                print(f"- {server.name} ({version})")
            found.append(server)
        except LeftOut as reason:
            print(f"- {server.name} is left out: {reason}")
    return found


def run(scenarios: Sequence[Scenario], directory: Path) -> None:
    """Run all steps.  A step that fails is reported, and the others are run."""
    steps = [step for scenario in scenarios for step in scenario.steps()]
    progress = Progress(len(steps))
    try:
        for step in steps:
            progress.step(step.what)
            with tempfile.TemporaryDirectory(dir=directory) as home:
                try:
                    for complaint in complaints(step.run(Path(home))):
                        progress.note(f"! {step.what}: {complaint}")
                except (LeftOut, LoadFailed) as problem:
                    progress.note(f"! {step.what}: {problem}")
    except KeyboardInterrupt:
        progress.note("Stopped; this is what there is so far.")
    progress.end()


def storm_program(directory: Path, tls: bool) -> tuple[str, ...]:
    """The program of the storm; empty, with a word about it, without a C compiler."""
    program = compiled(HERE / "storm.c", directory, tls)
    if program is None:
        print("The storm is left out: it needs a C compiler (cc).")
        return ()
    if not tls:
        print("The storm is plain only.")
    return (str(program),)


def chats_that_keep(chats: Sequence[Chatd], size: int) -> Sequence[Chatd]:
    """Those whose messages outlive a restart; one with SQLite if there is none."""
    return [chat for chat in chats if chat.keeps] or [Chatd("sqlite:storm.sqlite", size)]


def chosen(
    args: argparse.Namespace,
    loads: Loads,
    storm: tuple[str, ...],
    chats: Sequence[Chatd],
    servers: Sequence[Server],
) -> Iterator[Scenario]:
    """The scenarios that the options choose.  `storm` is the program of the storm, or empty."""
    doors, windows, seconds = args.doors, args.window, args.seconds
    if "fanout" in args.only:
        yield Comparison(loads, servers, doors, args.readers, windows, seconds, args.rounds)
    if "latency" in args.only:
        yield Latency(loads, chats, doors, seconds)
    if "speakers" in args.only:
        yield Speakers(loads, chats, seconds)
    if "crowd" in args.only:
        yield Crowd(loads, chats, doors, args.crowd, windows, seconds)
    if "tls" in args.only:
        secure: list[SecureServer] = [
            *chats,
            *(server for server in servers if isinstance(server, Nchan | NodeWs)),
        ]
        yield Tls(loads, secure, doors, args.tls_readers, seconds, args.rounds)
    if "storm" in args.only and storm:
        keeping = chats_that_keep(chats, args.size)
        yield Storms(storm, loads.secure != IN_PYTHON, keeping, doors, args.storm, args.rounds)


def main() -> None:
    """Run the benchmark, and print its tables."""
    parser = options()
    args = parser.parse_args()
    if args.tls and "tls" not in args.only:
        args.only = [*args.only, "tls"]
    files = allow_files()
    most = files - SPARE_FILES
    if max(args.readers) > most:
        parser.error(f"no more than {most:,} readers, with {files:,} open files (ulimit -Hn)")
    for name in ("crowd", "storm", "tls_readers"):
        if getattr(args, name) > most:
            told = name.replace("_", "-")
            print(f"--{told} is {most:,} here, with {files:,} open files (ulimit -Hn)")
            setattr(args, name, most)
    if not MIN_SIZE <= args.size <= MAX_SIZE:
        parser.error(f"--size {args.size}: a text has {MIN_SIZE} to {MAX_SIZE} bytes here")
    with tempfile.TemporaryDirectory(prefix="chatd-bench-") as name:
        directory = Path(name)
        print("\n".join(machine()))
        secured = "tls" in args.only or "storm" in args.only
        loads = loads_of(
            compiled(HERE / "load.c", directory),
            compiled(HERE / "load.c", directory, tls=True) if secured else None,
            args.size,
        )
        storm: tuple[str, ...] = ()
        if "storm" in args.only:
            storm = storm_program(directory, loads.secure != IN_PYTHON)
        chats = [Chatd(store, args.size, len(args.store) == 1) for store in args.store]
        chats = [chat for chat in chats if present([chat], directory)]
        if not chats:
            sys.exit(1)
        peers: list[Server] = []
        if "fanout" in args.only:
            floor = compiled(PEERS / "floor.c", directory)
            peers += [Floor(floor), BareLoop(), PlainTwisted(), NodeNet()]
        if "fanout" in args.only or "tls" in args.only:
            peers += [Nchan(args.size, files), NodeWs(args.size)]
        servers = [*chats, *present(peers, directory)]
        print(f"\n{METHOD.format(size=args.size)}\n", flush=True)
        scenarios = list(chosen(args, loads, storm, chats, servers))
        run(scenarios, directory)
        for scenario in scenarios:
            for found in scenario.tables():
                if found.rows:
                    print(f"\n{found.title}\n\n{table(found.header, found.rows)}")


if __name__ == "__main__":
    main()
