"""Import rules: layers, doors, cycles, and the reactor."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
CHATD = ROOT / "chatd"
PLUGINS = ROOT / "twisted" / "plugins"


FLOORS = {
    "model": "model msgspec precis_i18n confusable_homoglyphs",
    "stream": "model stream msgspec",
    "codecs": "model stream codecs msgspec wcwidth",
    "store": "model stream store twisted msgspec txredisapi",
    "chat": "model stream store chat twisted msgspec cryptography",
    "net": "model stream net twisted zope cryptography",
    "push": "model push twisted zope cryptography http_ece py_vapid",
    "http": "model codecs net http twisted zope msgspec wsproto brotli",
    "doors": "model stream codecs store chat net http doors twisted zope msgspec",
    "server": "model codecs stream store chat net push http doors server twisted zope msgspec",
    "console": "model codecs store chat net doors server client console twisted zope msgspec",
    # The client works with any server, so it imports only what describes the wire format.
    "client": "model stream codecs client twisted zope msgspec treq hyperlink "
    "prompt_toolkit wcwidth",
    "testing": "model stream store chat net http doors server tap testing twisted wsproto",
    "tap": "model store chat net http doors server console twisted",
    "__main__": "console",
    "__init__": "",
}
"""What the modules of each package may import: packages of chatd, and libraries."""

SHARED = {
    "access",
    "event_streams",
    "history",
    "linequeue",
    "openings",
    "push_door",
    "reading",
    "request_bytes",
    "speaking",
}
"""Modules of `doors` that several doors share."""
STYLES = {"sse", "ndjson", "websocket", "polls"}
"""The ways of reading over HTTP, which the resource tree in `doors.api` offers."""


class Import(NamedTuple):
    """One import statement."""

    line: int
    module: str
    late: bool
    """Whether it is inside a function, and so runs only when that is called."""


def module_of(path: Path) -> str:
    parts = path.relative_to(CHATD).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def imports(path: Path) -> Iterator[Import]:
    """The imports of a file, including those for the type checker."""
    package = path.relative_to(ROOT).parts[:-1]

    def walk(node: ast.AST, late: bool) -> Iterator[Import]:
        match node:
            case ast.Import(names=names, lineno=line):
                yield from (Import(line, alias.name, late) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level, lineno=line):
                base = ".".join(package[: len(package) - level + 1]) if level else ""
                source = ".".join(filter(None, [base, module]))
                for alias in names:
                    within = f"{source}.{alias.name}"
                    yield Import(line, within if is_module(within) else source, late)
        late = late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, late)

    return walk(ast.parse(path.read_text()), False)


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return name == "twisted.internet.reactor" or path.is_dir() or path.with_suffix(".py").is_file()


def floor_of(module: str) -> str:
    """A module's package in chatd, the library that it belongs to, or "" for Python's own."""
    top, *rest = module.split(".")
    if top != "chatd":
        return "" if top in sys.stdlib_module_names else top
    return rest[0] if rest else "__init__"


def door_of(module: str) -> str:
    """The door that a module of `doors` belongs to, "" for other modules."""
    parts = module.split(".")
    return parts[2] if parts[:2] == ["chatd", "doors"] and len(parts) > 2 else ""


FILES = sorted(CHATD.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_a_module_imports_only_from_allowed_packages(path: Path) -> None:
    """So every package can be read and tested without those above it."""
    own = floor_of(f"chatd.{module_of(path)}".removesuffix(".__init__"))
    allowed = {*FLOORS[own].split(), "", "__init__"}
    foreign = [
        f"line {line}: {own} imports {floor_of(module)} ({module})"
        for line, module, _ in imports(path)
        if floor_of(module) not in allowed
    ]
    assert not foreign


@pytest.mark.parametrize("path", sorted((CHATD / "doors").rglob("*.py")), ids=module_of)
def test_doors_do_not_import_each_other(path: Path) -> None:
    """So a door can be read, and removed, without the other doors."""
    own = door_of(f"chatd.{module_of(path)}")
    allowed = {own, "", *SHARED} | (STYLES if own == "api" else set())
    foreign = [
        f"line {line}: {own} imports {module}"
        for line, module, _ in imports(path)
        if door_of(module) not in allowed
    ]
    assert not foreign


def test_no_imports_form_a_cycle() -> None:
    """Imports for the type checker and inside functions count too."""
    graph = {
        f"chatd.{module_of(path)}": {module for _, module, _ in imports(path)} for path in FILES
    }
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_every_package_is_listed_in_floors() -> None:
    """So a new package says what it may import."""
    assert {floor_of(f"chatd.{module_of(path)}") for path in FILES} == set(FLOORS)


@pytest.mark.parametrize("path", [*FILES, *PLUGINS.glob("*.py")], ids=lambda path: path.stem)
def test_no_module_imports_the_reactor_at_import_time(path: Path) -> None:
    """The program that runs chatd chooses it; time enters as an injected clock."""
    assert [i for i in imports(path) if i.module == "twisted.internet.reactor" and not i.late] == []


def opens_in_locale(path: Path) -> Iterator[int]:
    """The lines on which a module opens a file as text in whatever encoding the locale has."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        before = {"read_text": 0, "write_text": 1, "open": 1}.get(name)
        if before is None or any(word.arg == "encoding" for word in node.keywords):
            continue
        if name == "open":
            modes = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
            text = [mode for mode in modes if isinstance(mode, str) and {*mode} <= {*"rwax+t"}]
            if isinstance(node.func, ast.Name) and not modes:
                text = ["r"]
            if text:
                yield node.lineno
        elif len(node.args) <= before:
            yield node.lineno


def test_texts_are_read_and_written_in_an_encoding_that_is_named() -> None:
    """A service has often the locale C, in which Python would read ASCII, or what it likes."""
    found = {module_of(path): list(opens_in_locale(path)) for path in FILES}
    assert {module: lines for module, lines in found.items() if lines} == {}


def test_importing_all_modules_installs_no_reactor() -> None:
    """Not even through a library."""
    late = {"store.redis.link"}  # its library imports the reactor, so it is imported late itself
    modules = [
        f"chatd.{module_of(path)}"
        for path in FILES
        if path.stem[0] != "_" and module_of(path) not in late
    ]
    check = (
        f"import sys, {', '.join(modules)}\n"
        "from twisted.plugins import chatd_plugin\n"
        "assert 'twisted.internet.reactor' not in sys.modules, 'a reactor was installed'"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_setup_lists_every_package() -> None:
    """A package that is not listed is missing from the wheel."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = set(config["options"]["packages"].split()) - {"twisted.plugins"}
    folders = {path.parent.relative_to(ROOT) for path in CHATD.rglob("__init__.py")}
    assert listed == {".".join(folder.parts) for folder in folders}
