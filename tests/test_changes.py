"""Changelog fragments: their form, and that they make up the next release's section."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CHANGES = ROOT / "changes"
FRAGMENTS = sorted(
    path for path in CHANGES.iterdir() if path.name not in ("README.md", "template.jinja")
)
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["towncrier"]
KINDS = [kind["directory"] for kind in CONFIG["type"]]


def problem_of(name: str, text: str) -> str | None:
    """The problem with a fragment, or None."""
    if not re.fullmatch(rf"[a-z0-9]+(-[a-z0-9]+)*\.({'|'.join(KINDS)})\.md", name):
        return f"the name is not NAME.KIND.md, where KIND is one of {', '.join(KINDS)}"
    if not text.endswith("\n") or text != f"{text.strip()}\n":
        return "the text begins and ends without blanks, and with one line break at its end"
    if not re.match(r"[A-Z`]", text):
        return "the text is sentences: the first letter is a capital, no bullet and no heading"
    if not re.search(r"[.)]$", text.strip()):
        return "the text is sentences: the last one ends with a full stop"
    if len(text) > 500:
        return "the text is longer than 500 characters; the rest belongs into docs/"
    if any(len(line) > 100 for line in text.splitlines()):
        return "a line is longer than 100 characters"
    return None


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.name)
def test_a_fragment_is_well_formed(path: Path) -> None:
    """See changes/README.md."""
    assert problem_of(path.name, path.read_text()) is None


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("last.feature.md", "The line door has `/last`.\n", None),
        ("last.feature.md", "`/last` is new.\nIt takes nothing.\n", None),
        ("last.md", "The line door has `/last`.\n", "the name"),
        ("Last Command.feature.md", "The line door has `/last`.\n", "the name"),
        ("last.misc.md", "The line door has `/last`.\n", "one of breaking, security, feature, fix"),
        ("last.feature.rst", "The line door has `/last`.\n", "the name"),
        ("last.feature.md", "", "one line break"),
        ("last.feature.md", "The line door has `/last`.", "one line break"),
        ("last.feature.md", "- The line door has `/last`.\n", "no bullet"),
        ("last.feature.md", "## New\n", "no heading"),
        ("last.feature.md", "The line door has `/last`\n", "full stop"),
        ("last.feature.md", f"{'Far too long. ' * 8}And on.\n", "100 characters"),
        ("last.feature.md", "Too long.\n" * 60, "500 characters"),
    ],
)
def test_problems_of_fragments_are_found(name: str, text: str, expected: str | None) -> None:
    """So the check above can fail."""
    found = problem_of(name, text)
    assert (found is None) if expected is None else (found is not None and expected in found)


def test_the_draft_of_the_next_release_holds_every_fragment() -> None:
    """`make changelog` works, and changes no file."""
    before = (ROOT / "CHANGELOG.md").read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "next release"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for path in FRAGMENTS:
        first, *_ = path.read_text().splitlines()
        assert f"- {first}" in done.stdout
    assert (ROOT / "CHANGELOG.md").read_bytes() == before


def test_the_changelog_has_towncrier_s_mark_and_the_current_version() -> None:
    """towncrier inserts a section after the mark; without it, above the title."""
    changelog = (ROOT / "CHANGELOG.md").read_text()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert changelog.count(CONFIG["start_string"]) == 1
    assert f"\n## {version} (" in changelog
