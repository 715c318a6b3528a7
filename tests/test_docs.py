"""The docs say what the code does."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import options as bench_options
from chatd.chat.limits import ADDRESS_SHARE
from chatd.doors.line.commands import COMMANDS
from chatd.http.resource import STATUS
from chatd.model import errors
from chatd.server.doors import DOORS
from chatd.server.options import Options
from chatd.server.settings import Settings, spelt

ROOT = Path(__file__).parent.parent
PROTOCOL = (ROOT / "docs/protocol.md").read_text()
OPERATIONS = (ROOT / "docs/operations.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def section(title: str) -> str:
    """What stands under a heading of the protocol's page."""
    return PROTOCOL.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    """The rows of a section's tables, a list of cells each, without the marks of code."""
    lines = [line for line in section(title).splitlines() if line.startswith("| `")]
    return [[cell.strip(" `") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_the_protocol_names_every_command_and_what_it_does() -> None:
    """The table of commands is `/help`."""
    told = {
        form.replace("\\|", "|"): text for form, text in (row[:2] for row in rows("The line door"))
    }
    for usage in COMMANDS:
        assert told[usage.form].replace("`", "") == usage.help


def test_the_protocol_names_every_error_and_its_status() -> None:
    """A program can rely on the table of codes."""
    told = {code: status for code, status, _ in rows("Errors")}
    known = {error.code for error in vars(errors).values() if hasattr(error, "code")} - {"error"}
    assert told.keys() == known
    for error, status in STATUS.items():
        assert told[error.code] == str(status)


def test_the_protocol_names_every_option_and_its_default() -> None:
    """The table of options is `twistd chatd --help`."""
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
        elif default is None or default == ():  # what is told in words
            assert f"--{spelt(name)}" in OPERATIONS + PROTOCOL
        else:
            assert told[spelt(name)] == str(default)
    assert told["address-rate"] == f"{ADDRESS_SHARE} × message-rate"
    assert {name for name in Options().getUsage().split() if name.startswith("--")} == {
        f"--{name}=" for name in [*map(spelt, own), "config"]
    } | {"--help", "--version"}


def test_the_page_on_performance_names_every_option_of_the_benchmark() -> None:
    """The table is `make bench ARGS=--help`."""
    page = (ROOT / "docs/performance.md").read_text()
    told = dict(re.findall(r"^\| `--(\w+)` \| (?:`(.+?)` )?\|", page, re.M))
    parser = bench_options()
    defaults = {action.dest: parser.get_default(action.dest) for action in parser._actions}
    del defaults["help"]
    assert told == {name: "" if value is False else str(value) for name, value in defaults.items()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Every relative link names a file, and every anchor on its own page a heading."""
    text = page.read_text()
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ")).lower().replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("#")
    }
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif "://" not in target:
            assert (page.parent / target.split("#")[0]).exists(), target
