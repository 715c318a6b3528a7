"""The docs agree with the code."""

import pkgutil
import re
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest

from bench.__main__ import options as bench_options
from chatd.chat.limits import ADDRESS_SHARE
from chatd.doors.line.commands import COMMANDS
from chatd.http.resource import STATUS
from chatd.model import errors
from chatd.model.events import Kept, Letter, Told
from chatd.server.doors import DOORS
from chatd.server.options import Options
from chatd.server.settings import Settings, spelt

ROOT = Path(__file__).parent.parent
PROTOCOL = (ROOT / "docs/protocol.md").read_text()
OPERATIONS = (ROOT / "docs/operations.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def section(title: str) -> str:
    """The text under a heading of the protocol page."""
    return PROTOCOL.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    """The rows of a section's tables as lists of cells, without backticks."""
    lines = [line for line in section(title).splitlines() if line.startswith("| `")]
    return [[cell.strip(" `") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_the_protocol_lists_every_command_with_its_help() -> None:
    """The table of commands equals `/help`."""
    told = {
        form.replace("\\|", "|"): text for form, text in (row[:2] for row in rows("The line door"))
    }
    for usage in COMMANDS:
        assert told[usage.form].replace("`", "") == usage.help


def test_the_protocol_lists_every_error_with_its_status() -> None:
    """So programs can rely on the table of codes."""
    told = {code: status for code, status, _ in rows("Errors")}
    known = {error.code for error in vars(errors).values() if hasattr(error, "code")} - {"error"}
    assert told.keys() == known
    for error, status in STATUS.items():
        assert told[error.code] == str(status)


def test_the_protocol_lists_every_option_with_its_default() -> None:
    """The table of options equals `twistd chatd --help`."""
    told = {row[0].split()[0].removeprefix("--"): row[1] for row in rows("Options of the server")}
    assert told.pop("config") == "none"
    own: dict[str, Any] = {door.name: door.endpoints for door in DOORS}
    own |= {field.name: field.default for field in fields(Settings) if field.metadata}
    assert told.keys() == {spelt(name) for name in own}
    for name, default in own.items():
        if isinstance(default, tuple) and default:
            assert told[spelt(name)] == default[0]
        elif isinstance(default, float):
            assert told[spelt(name)] == f"{default:g}"
        elif default is False:
            assert told[spelt(name)] == "off"
        elif default is None or default == ():  # described in prose
            assert f"--{spelt(name)}" in OPERATIONS + PROTOCOL
        else:
            assert told[spelt(name)] == str(default)
    assert told["address-rate"] == f"{ADDRESS_SHARE} × message-rate"
    assert {name for name in Options().getUsage().split() if name.startswith("--")} == {
        f"--{spelt(name)}{'' if default is False else '='}" for name, default in own.items()
    } | {"--config="} | {"--help", "--version"}


def test_the_performance_page_lists_every_benchmark_option() -> None:
    """The table equals `make bench ARGS=--help`."""
    page = (ROOT / "docs/performance.md").read_text()
    rows = re.findall(r"^\| `--([\w-]+)` \| (?:`(.+?)` )?\|", page, re.M)
    told = {name.replace("-", "_"): default for name, default in rows}
    parser = bench_options()
    defaults = {action.dest: parser.get_default(action.dest) for action in parser._actions}
    del defaults["help"]
    assert told == {name: "" if value is False else str(value) for name, value in defaults.items()}


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings make."""
    return {
        re.sub(r"[^\w -]", "", line.lstrip("# ")).lower().replace(" ", "-")
        for line in page.read_text().splitlines()
        if line.startswith("#")
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_and_anchors_exist(page: Path) -> None:
    """Every relative link names a file, and every anchor a heading of its page."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" not in target:
            name, _, anchor = target.partition("#")
            file = page.parent / name if name else page
            assert file.exists(), target
            assert not anchor or anchor in anchors(file), target


FILES_OF_RECIPES = {
    "chatd/doors/ticker.py",
    "tests/doors/test_ticker.py",
    "chatd/codecs/talk.py",
    "chatd/doors/talk.py",
    "tests/doors/test_talk.py",
    "chatd/store/traced.py",
    "chatd/doors/api/count.py",
    "chatd/doors/api/roll.py",
    "tests/doors/api/test_count.py",
    "changes/NAME.KIND.md",
}
"""Files that the recipes of CONTRIBUTING.md tell their readers to create."""
FOLDERS = [path.name for path in ROOT.iterdir() if path.is_dir()]
PACKAGES = [path.name for path in (ROOT / "chatd").iterdir() if path.is_dir()]


def paths(text: str) -> set[str]:
    """The texts in backticks that look like a path in this repository."""
    code = re.findall(r"`([\w./*{}-]+/[\w./*{}-]*)`", re.sub(r"```.*?```", "", text, flags=re.S))
    return {path for path in code if path.split("/")[0] in (*FOLDERS, *PACKAGES)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_folders_that_a_page_names_exist(page: Path) -> None:
    """Relative to the root of the repository, or to chatd/."""
    for path in paths(page.read_text()) - FILES_OF_RECIPES:
        places = [*ROOT.glob(path), *(ROOT / "chatd").glob(path)]
        assert places, f"{page.name} names {path}"


def test_the_architecture_page_lists_every_package_with_a_file() -> None:
    """So a new reader finds every part from one page."""
    page = (ROOT / "docs/architecture.md").read_text()
    rows = re.findall(r"^\| (`.*) \| .* \| (`.*`) \|$", page, re.M)
    folders: set[str] = set()
    for where, begin in rows:
        places = re.findall(r"`(.+?)`", where)
        folders.update(places)
        for file in re.findall(r"`(.+?)`", begin):
            assert any((ROOT / place / file).is_file() for place in places), file
    packages = {path.parent.relative_to(ROOT) for path in ROOT.glob("chatd/*/__init__.py")}
    assert {f"{path}/" for path in packages} <= folders


def test_the_protocol_lists_every_event_with_its_fields() -> None:
    """So programs can rely on the table of types."""
    told: dict[str, list[str]] = {}
    table = section("The HTTP door").split("\n### Events\n")[1].split("\n### ")[0]
    for types, text in re.findall(r"^\| (`.*?`) \| (.*) \|$", table, re.M):
        told |= dict.fromkeys(re.findall(r"`(.+?)`", types), re.findall(r"`(\w+)`", text))
    for event in (*get_args(Kept), Told):
        if event is Letter:
            continue  # the store's own; readers are shown what was told
        config = event.__struct_config__
        fields_ = [name for name in event.__struct_encode_fields__ if name != "room"]
        shown = [name for name in told[config.tag] if name != "room"]
        assert shown == fields_, config.tag


def names(text: str) -> set[str]:
    """The names of chatd's modules, classes and functions in backticks."""
    return set(re.findall(r"`(chatd(?:\.\w+)+)`", text))


SOURCES = [
    file
    for pattern in (
        "*.md",
        "docs/*.md",
        "chatd/**/*.py",
        "tests/**/*.py",
        "bench/*.py",
        "soak/*.py",
    )
    for file in sorted(ROOT.glob(pattern))
]


def test_names_of_chatd_in_texts_exist() -> None:
    """In pages, docstrings and comments."""
    missing = []
    for file in SOURCES:
        for name in names(file.read_text()) - {"chatd.sqlite", "chatd.toml"}:
            try:
                pkgutil.resolve_name(name)
            except (ImportError, AttributeError):
                missing.append(f"{file.relative_to(ROOT)}: there is no {name}")
    assert missing == []
