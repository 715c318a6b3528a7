"""Completion of `chatd`'s words in shells."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from chatd.console.completing import SHELLS, bash, words_of
from chatd.console.main import COMMANDS, parser
from chatd.server.settings import options, spelt


def completed(*words: str) -> set[str]:
    """The completions that bash offers for the last of these words."""
    line = " ".join(f"'{word}'" for word in ("chatd", *words))
    script = (
        f"{bash(parser())}\ncompopt() {{ echo FILES; }}\n"
        f"COMP_WORDS=({line}); COMP_CWORD={len(words)}; _chatd\n"
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return set(done.stdout.split())


def test_commands_are_completed() -> None:
    """Subcommands, too."""
    assert {row.name for row in COMMANDS} <= completed("")
    assert completed("ba") == {"ban", "bans", "backup"}
    assert completed("account", "") >= {"add", "list", "remove"}
    assert completed("completion", "") >= {"bash", "zsh", "fish"}


def test_options_are_completed_behind_their_command() -> None:
    """Also if other words stand between the command and the option."""
    assert completed("serve", "--max-rooms") == {
        "--max-rooms",
        "--max-rooms-per-address",
        "--max-rooms-per-session",
    }
    assert completed("account", "add", "ada", "--a") == {"--admin"}
    assert completed("ban", "--uses") == {"FILES"}
    assert completed("check", "--config", "") == {"FILES"}
    every = {f"--{spelt(name)}" for name, _ in options()}
    assert every <= completed("serve", "--")


@pytest.mark.parametrize("shell", sorted(SHELLS))
def test_a_script_has_every_word(shell: str) -> None:
    """If the shell is installed, it accepts the script."""
    text = SHELLS[shell](parser())
    for words in words_of(parser()):
        for word in (*words.commands, *words.options):
            assert word.lstrip("-") in text
    if shutil.which(shell):
        checked = subprocess.run(
            [shell, "-n"], input=text, capture_output=True, text=True, check=False
        )
        assert (checked.returncode, checked.stderr) == (0, "")
