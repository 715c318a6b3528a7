"""Who may import whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
CHATD = ROOT / "chatd"
PLUGINS = ROOT / "twisted" / "plugins"


class Floor(NamedTuple):
    """Some modules of the house."""

    modules: str
    """Their names, without `chatd.` before them."""
    may_import: str = ""
    """The floors below, and the libraries."""


DOMAIN = "model stream codecs store chat"

HOUSE = {
    "model": Floor("model model.*", "model msgspec precis_i18n confusable_homoglyphs"),
    "stream": Floor("stream stream.*", "model stream"),
    "codecs": Floor("codecs codecs.*", "model stream codecs msgspec"),
    "store": Floor("store store.*", "model stream store twisted msgspec"),
    "chat": Floor("chat chat.*", "model stream store chat twisted msgspec"),
    "reactor": Floor("reactor", "twisted"),
    # Doors never import each other; what several of them stand on has floors of its own.
    "sockets": Floor(
        "transports transports.tcp transports.connections transports.descriptors"
        " transports.peers transports.stalls transports.deadlines transports.lane"
        " transports.heartbeat transports.liveness transports.handshakes",
        "model stream chat sockets twisted zope",
    ),
    "history": Floor("transports.history", f"{DOMAIN} history twisted"),
    "drain": Floor("transports.drain", "chat sockets twisted"),
    "http": Floor(
        "transports.http transports.resource transports.longpoll transports.polltemplates"
        " transports.pollgroups transports.reading transports.wsprotocol"
        " transports.proxies transports.fields transports.roomlist transports.hosts"
        " transports.syntax transports.chunked transports.request transports.media"
        " transports.push",
        f"{DOMAIN} history sockets http twisted zope wsproto",
    ),
    "line door": Floor(
        "transports.lines transports.linequeue transports.linereader transports.shell"
        " transports.backlog",
        f"{DOMAIN} history sockets line-door twisted zope",
    ),
    "HTTP door": Floor(
        "transports.web transports.body transports.access transports.events transports.origin"
        " transports.sse transports.ndjson transports.websocket",
        f"{DOMAIN} history sockets http HTTP-door twisted zope msgspec",
    ),
    "classic door": Floor("transports.classic", f"{DOMAIN} sockets http twisted"),
    "premises": Floor("premises", f"{DOMAIN} sockets drain listening logfile premises twisted"),
    "server": Floor(
        "server server.*",
        f"{DOMAIN} sockets http premises logfile server twisted",
    ),
    "tap": Floor(
        "tap",
        f"{DOMAIN} server reactor sockets drain premises listening signals logfile http line-door"
        " HTTP-door classic-door twisted",
    ),
    "listening": Floor("listening", "twisted"),
    "logfile": Floor("logfile", "twisted zope"),
    "signals": Floor("signals", "twisted logfile"),
    # The client speaks to any server, so it knows of ours only what goes over the wire.
    "client": Floor(
        "client client.*", "model stream codecs client twisted zope msgspec treq hyperlink"
    ),
    "testing": Floor(
        "testing testing.*",
        f"{DOMAIN} sockets http premises tap reactor testing twisted wsproto",
    ),
    "chatd": Floor("__init__"),
}


class Import(NamedTuple):
    """One import, as it stands in the code."""

    line: int
    module: str
    late: bool
    """Whether it stands in a function, and so happens on being called."""


def module_of(path: Path) -> str:
    parts = path.relative_to(CHATD).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def imports(path: Path) -> Iterator[Import]:
    """What a file imports, but for the names that are for the type checker only."""
    package = path.relative_to(ROOT).parts[:-1]

    def walk(node: ast.AST, late: bool) -> Iterator[Import]:
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                return
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
    """Where a module lives: a floor of the house, a library, or nowhere."""
    if module.split(".")[0] != "chatd":
        top = module.split(".")[0]
        return "" if top in sys.stdlib_module_names else top
    name = module.removeprefix("chatd").removeprefix(".") or "__init__"
    homes = [
        floor
        for floor, (modules, _) in HOUSE.items()
        if any(fnmatch(name, pattern) for pattern in modules.split())
    ]
    assert len(homes) == 1, f"chatd.{name} belongs to one floor of HOUSE, not to {homes}"
    return homes[0]


FILES = sorted(CHATD.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_a_module_imports_only_from_the_floors_below(path: Path) -> None:
    """The arrows point one way, so that every floor can be read and tested without those above."""
    own = floor_of(f"chatd.{module_of(path)}")
    allowed = {name.replace("-", " ") for name in HOUSE[own].may_import.split()} | {""}
    foreign = [
        f"line {line}: {own} imports {floor_of(module)} ({module})"
        for line, module, _ in imports(path)
        if floor_of(module) not in allowed
    ]
    assert not foreign


@pytest.mark.parametrize("path", [*FILES, *PLUGINS.glob("*.py")], ids=lambda path: path.stem)
def test_nobody_imports_the_reactor_on_being_imported(path: Path) -> None:
    """Whoever runs the process chooses it, and time enters as an injected clock."""
    assert [i for i in imports(path) if i.module == "twisted.internet.reactor" and not i.late] == []


def test_importing_everything_installs_no_reactor_and_starts_nothing() -> None:
    """Nor does a library of ours do so behind our back."""
    modules = [f"chatd.{module_of(path)}" for path in FILES if path.stem[0] != "_"]
    check = (
        f"import sys, {', '.join(modules)}\n"
        "from twisted.plugins import chatd_plugin\n"
        "assert 'twisted.internet.reactor' not in sys.modules, 'a reactor was installed'"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
