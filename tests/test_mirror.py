"""Tests mirror modules: where a module's tests are, and what a test file is about.

1. `chatd/x/y.py` is tested in `tests/x/test_y.py`, and in `tests/x/test_y_*.py` for tests of
   another kind (`test_channel_conformance.py`, `test_service_faults.py`).
2. A package's `__init__.py` is tested in `tests/x/test_x.py`, its `__main__.py` in
   `tests/x/test_main.py`.
3. `SUITES` are about promises that no single module keeps.
4. `THROUGH` lists the modules without tests of their own: another file's tests go through them.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CHATD = TESTS.parent / "chatd"

SUITES = {"contract", "e2e", "browser", "bench", "soak"}
"""Packages of tests that mirror nothing."""
PROJECT = {"test_changes", "test_contributing", "test_docs", "test_house", "test_mirror"}
"""Tests of the project itself: its documents and its structure."""

THROUGH = {
    # Parts of one thing, which exist only for it.
    "chat/person": "chat/test_people",
    # An account, its person and its sessions are tested as one.
    "chat/accounts": "chat/test_signin",
    "chat/arrivals": "chat/test_lasting",
    "chat/letters": "chat/test_attached",
    "chat/judge_accounts": "chat/test_signin",
    "chat/ignores": "doors/api/test_marker",
    "chat/markers": "doors/api/test_marker",
    "chat/signedin": "chat/test_signin",
    "chat/standing": "chat/test_lasting",
    "chat/tokens": "doors/api/test_account",
    "chat/unused": "chat/test_admission",
    "model/account": "chat/test_lasting",
    "client/__init__": "client/test_chat",
    "client/answers": "client/test_connection",
    "doors/line/client": "doors/line/test_shell",
    "doors/line/commands/past": "doors/line/test_shell",
    "doors/line/commands/people": "doors/line/test_shell",
    "doors/line/commands/rooms": "doors/line/test_shell",
    "doors/line/commands/row": "doors/line/commands/test_commands",
    "doors/line/commands/session": "doors/line/test_shell",
    "doors/line/commands/talking": "doors/line/test_shell",
    "doors/line/queue": "doors/line/test_lines",
    "model/commands": "chat/test_judge",
    "model/errors": "chat/test_judge",
    "server/option": "server/test_sources",
    "server/settings": "server/test_sources",
    "store/worker": "store/test_sqlite",
    "stream/outlet": "stream/test_subscriber",
    "stream/selection": "stream/test_subscriber",
    # What moderators do is tested in a whole chat, and at the doors.
    "chat/arguments": "chat/test_moderation",
    "chat/fold": "chat/test_service",
    "chat/owners": "chat/test_readers",
    "chat/parts": "chat/test_service",
    "chat/refusal": "chat/test_readers",
    "chat/past": "chat/test_service",
    "chat/consequences": "chat/test_moderation",
    "chat/judge_bans": "chat/test_moderation",
    "chat/judge_guests": "chat/test_moderation",
    "chat/judge_members": "chat/test_moderation",
    "chat/judge_roles": "chat/test_moderation",
    "chat/judge_texts": "chat/test_moderation",
    "chat/moderators": "chat/test_moderation",
    "chat/redactions": "chat/test_moderation",
    "chat/rulings": "chat/test_moderation",
    "chat/serverbans": "chat/test_moderation",
    "chat/targets": "chat/test_moderation",
    "chat/invites": "doors/api/test_moderation",
    "codecs/moderated": "doors/line/commands/test_moderation",
    "model/audit": "chat/test_moderation",
    "model/rights": "chat/test_moderation",
    "doors/api/invites": "doors/api/test_moderation",
    # What every engine shares is promised by the contract of the stores.
    "store/engines": "store/test_store",
    "store/judging": "store/test_store",
    "store/memory": "store/test_store",
    "store/settling": "store/test_store",
    # One road: rounds over every fault go through all of these.
    "store/redis/appending": "store/redis/test_rounds",
    "store/redis/following": "store/redis/test_rounds",
    "store/redis/keys": "store/redis/test_rounds",
    "store/redis/link": "store/redis/test_rounds",
    "store/redis/scripts": "store/redis/test_rounds",
    "store/redis/store": "store/redis/test_rounds",
    "store/redis/times": "store/redis/test_rounds",
    # Bytes on the wire are tested where a client reads them.
    "codecs/classic": "doors/test_classic",
    "codecs/lineinput": "doors/line/test_lines",
    "codecs/ndjson": "doors/test_ndjson",
    "codecs/sse": "doors/test_sse",
    "codecs/streams": "contract/test_streams",
    "codecs/timed": "doors/line/test_shell",
    "doors/history": "contract/test_portions",
    "doors/reading": "doors/api/test_events",
    **{
        f"doors/api/{name}": "doors/api/test_tree"
        for name in (
            "command",
            "health",
            "membership",
            "messages",
            "page",
            "people",
            "rooms",
            "session",
            "topic",
        )
    },
    "http/body": "doors/api/test_tree",
    "http/paced": "http/test_channel",
    "http/request": "http/test_channel",
    "http/site": "http/test_channel",
    "http/strict": "http/test_channel_conformance",
    "http/syntax": "http/test_channel_conformance",
    # Time and connections are tested where they are felt.
    "net/descriptors": "net/test_connections",
    # The doubles.
    "testing/__main__": "http/test_channel_conformance",
    "testing/clock": "net/test_deadlines",
    "testing/conformance": "http/test_channel_conformance",
    "testing/policies": "testing/test_testing",
}
"""Modules without a test file of their own, and the tests that go through them."""


def mirror_of(module: str) -> str:
    """The path of a module's test file, without its suffix."""
    package, _, name = module.rpartition("/")
    if name == "__init__":
        name = package.rpartition("/")[2]
    return f"{package}/test_{name.strip('_')}".lstrip("/")


def does_something(path: Path) -> bool:
    """Whether any function of a module has a body: interfaces and plain values have none."""
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
    """Files, without their suffix, as seen from a folder."""
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
    """A module's tests are found without searching; promises of several modules are suites."""
    if file.partition("/")[0] in SUITES or file in PROJECT:
        return
    words = file.split("_")
    names = {"_".join(words[:n]) for n in range(2, len(words) + 1)}
    assert names & MIRRORS, f"{file}.py: there is no such module in chatd/; see the rules above"


@pytest.mark.parametrize("module", BUSY)
def test_a_module_has_files_of_its_own_or_is_tested_through_another(module: str) -> None:
    """A new module comes with its tests, or says whose tests go through it."""
    if files_of(module):
        assert module not in THROUGH, "it has tests of its own: take it off the list"
    else:
        assert module in THROUGH, f"chatd/{module}.py: add tests/{mirror_of(module)}.py"
        assert THROUGH[module] in TEST_FILES, f"there is no tests/{THROUGH[module]}.py"


def test_the_list_of_modules_without_tests_has_no_stale_entries() -> None:
    """Whatever it names exists and does something."""
    assert THROUGH.keys() <= set(BUSY)


def test_only_tests_and_their_fixtures_stand_beside_tests() -> None:
    """What several packages of tests share is in the kit, so a test imports no other package's."""
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
