"""Tests mirror modules: each module's tests are in the file of the same name.

1. `chatd/x/y.py` is tested in `tests/x/test_y.py`, and in `tests/x/test_y_*.py` for tests of
   another kind (`test_channel_conformance.py`, `test_service_faults.py`).
2. A package's `__init__.py` is tested in `tests/x/test_x.py`, its `__main__.py` in
   `tests/x/test_main.py`.
3. `SUITES` test promises that several modules keep together.
4. `THROUGH` lists the modules without tests of their own: another file's tests go through them.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CHATD = TESTS.parent / "chatd"

SUITES = {"contract", "e2e", "browser", "bench", "soak"}
"""Packages of tests that mirror no module."""
PROJECT = {
    "test_changes",
    "test_contributing",
    "test_docs",
    "test_formats",
    "test_house",
    "test_mirror",
    "test_openapi",
    "test_unhandled",
}
"""Tests of the project itself: its documents, its structure, and what is checked in each test."""

THROUGH = {
    # Parts that only one other module uses.
    "chat/card": "chat/test_cards",
    "chat/person": "chat/test_people",
    "chat/held_names": "chat/test_sessions",
    # Sessions of an account are tested as one with their person.
    "chat/arrivals": "chat/test_http_sessions",
    "chat/departures": "chat/test_attendance",
    "chat/ignores": "doors/api/test_marker",
    "chat/markers": "doors/api/test_marker",
    # What the console asks for goes through all of this.
    "chat/administration": "console/test_tasks",
    "console/asking": "console/test_main",
    "console/commands/account": "console/test_main",
    "console/commands/audit": "console/test_main",
    "console/commands/ban": "console/test_main",
    "console/commands/bans": "console/test_main",
    "console/commands/backup": "e2e/test_console",
    "console/commands/completion": "console/test_main",
    "console/commands/doctor": "e2e/test_doctor",
    "console/commands/invite": "console/test_main",
    "console/commands/join": "client/join/test_main",
    "console/commands/say": "e2e/test_say_tail",
    "console/commands/serve": "e2e/test_serve",
    "console/commands/tail": "e2e/test_say_tail",
    "console/commands/unban": "console/test_main",
    "console/link": "console/test_main",
    "console/offline": "e2e/test_console",
    "net/tlsfactory": "net/test_tls",
    # A worker and its supervisor.
    "server/supervised": "e2e/test_workers",
    "server/worker_process": "server/test_workers",
    # Private messages that are kept: sent, judged and read again.
    "chat/correspondence": "chat/test_letters",
    "chat/inbox": "chat/test_letters",
    "chat/judge_letters": "chat/test_letters",
    "chat/letter_pages": "chat/test_letters",
    # Each setting that a server follows is tried in a reload.
    "server/live": "server/test_reload",
    "codecs/frames": "codecs/test_moderating",
    "doors/polls/marks": "doors/api/test_marker",
    "doors/request_bytes": "doors/test_openings",
    "doors/line/missed": "doors/line/commands/test_account",
    "chat/account_sessions": "chat/test_signin",
    "chat/connection_sessions": "doors/line/commands/test_account",
    "chat/credentials": "chat/test_http_sessions",
    "chat/session_lifetimes": "chat/test_http_sessions",
    "chat/session_registry": "chat/test_sessions",
    "chat/session_revocation": "chat/test_http_sessions",
    "chat/tokens": "doors/api/test_account",
    "doors/linequeue": "doors/line/test_lines",
    "doors/line/door": "doors/line/test_lines",
    "doors/line/factory": "doors/line/test_lines",
    # Moderation is tested in a whole chat, and at the doors.
    "chat/fold": "chat/test_service",
    "chat/parts": "chat/test_service",
    "chat/revocation": "chat/test_readers",
    "chat/past": "chat/test_service",
    "chat/moderators": "chat/test_moderation",
    "chat/room_rulings": "chat/test_moderation",
    "chat/rulings": "chat/test_moderation",
    "chat/targets": "chat/test_moderation",
    "chat/invites": "doors/api/test_invites",
    # The code that all engines share is tested by the contract of the stores.
    "store/memory": "store/test_store",
    "store/settling": "store/test_store",
    # An append goes through both; rounds over every fault are tested with real servers.
    "store/committing": "store/test_sqlite",
    "store/failing": "store/test_sqlite",
    "store/noting": "store/test_sqlite",
    "store/redis/appending": "store/redis/test_rounds",
    "store/redis/store": "store/redis/test_rounds",
    # The parts that the commands of IRC share are tested by the commands.
    "codecs/irc/earlier_values": "codecs/irc/test_events",
    "codecs/irc/profile": "codecs/irc/test_events",
    "doors/irc/connection": "doors/irc/test_link",
    "doors/irc/client": "doors/irc/commands/test_registration",
    "doors/irc/commands/rooms": "doors/irc/commands/test_channels",
    "doors/irc/commands/row": "doors/irc/commands/test_registration",
    "doors/irc/door": "doors/irc/commands/test_monitor",
    "doors/irc/reader": "doors/irc/commands/test_talking",
    "doors/irc/replay": "doors/irc/commands/test_channels",
    "doors/irc/request": "doors/irc/commands/test_talking",
    "doors/irc/shell": "doors/irc/test_link",
    # They need a terminal.
    "client/join/running": "e2e/test_join",
    "client/join/arguments": "client/join/test_main",
    "server/assembly": "test_tap",
    "server/capacity": "test_tap",
    # Only outside suites start it.
    "testing/__main__": "testing/test_conformance",
}
"""Modules without a test file of their own, and the tests that go through them."""


def mirror_of(module: str) -> str:
    """The path of a module's test file, without its suffix."""
    package, _, name = module.rpartition("/")
    if name == "__init__":
        name = package.rpartition("/")[2]
    return f"{package}/test_{name.strip('_')}".lstrip("/")


def does_something(path: Path) -> bool:
    """Whether any function of a module has a body; interfaces and plain values have none."""
    functions = (
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return any(not is_constant(line) for function in functions for line in function.body)


def is_constant(line: ast.stmt) -> bool:
    """Whether a statement is a docstring or an ellipsis."""
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)


def paths(folder: Path, pattern: str) -> list[str]:
    """The paths of files in a folder, relative to it, without suffix."""
    return sorted(
        path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob(pattern)
    )


MODULES = paths(CHATD, "*.py")
MIRRORS = {mirror_of(module) for module in MODULES}
TEST_FILES = paths(TESTS, "test_*.py")
BUSY = [module for module in MODULES if does_something(CHATD / f"{module}.py")]


def files_of(module: str) -> list[str]:
    """The test files of one module."""
    mirror = mirror_of(module)
    return [file for file in TEST_FILES if file == mirror or file.startswith(f"{mirror}_")]


@pytest.mark.parametrize("file", TEST_FILES)
def test_a_test_file_is_named_after_a_module(file: str) -> None:
    """So a module's tests are found without searching; tests of several modules are suites."""
    if file.partition("/")[0] in SUITES or file in PROJECT:
        return
    words = file.split("_")
    names = {"_".join(words[:n]) for n in range(2, len(words) + 1)}
    assert names & MIRRORS, f"{file}.py: there is no such module in chatd/; see the rules above"


@pytest.mark.parametrize("module", BUSY)
def test_a_module_has_its_own_tests_or_an_entry_in_through(module: str) -> None:
    """So a new module comes with tests, or names the file that tests it."""
    if files_of(module):
        assert module not in THROUGH, "it has tests of its own: remove it from THROUGH"
    else:
        assert module in THROUGH, f"chatd/{module}.py: add tests/{mirror_of(module)}.py"
        assert THROUGH[module] in TEST_FILES, f"there is no tests/{THROUGH[module]}.py"


def test_through_has_no_stale_entries() -> None:
    """Each entry names a module that exists and has code."""
    assert THROUGH.keys() <= set(BUSY)


def test_tests_import_only_their_own_package_and_the_kit() -> None:
    """Code that several packages of tests share is in the kit."""
    foreign = []
    for path in sorted(TESTS.rglob("*.py")):
        package = path.relative_to(TESTS).parts[:-1]
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ImportFrom) or not node.level:
                continue
            base = package[: len(package) - node.level + 1]
            target = (*base, *(node.module or "").split("."))
            if target[0] not in {"kit", package[0] if package else "kit"}:
                foreign.append(f"{path.relative_to(TESTS)}: line {node.lineno} imports {target}")
    assert not foreign
