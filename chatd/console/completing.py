"""Scripts by which shells complete the command line of `chatd`, made from its parser.

A script contains all words, so that a shell does not start Python at each press of the tab key.
"""

from __future__ import annotations

from argparse import Action, ArgumentParser, _SubParsersAction
from collections.abc import Callable, Iterator
from typing import NamedTuple

FILES = ("FILE",)
"""Values that are names of files."""


class Words(NamedTuple):
    """The words that may follow one command."""

    path: str
    """The command's own words: empty, `account`, `account add`."""
    commands: dict[str, str]
    """The command's subcommands, with their help."""
    options: dict[str, str]
    """The command's options, with their help."""
    choices: tuple[str, ...]
    """The values of the command's argument, if only some are valid."""
    files: tuple[str, ...]
    """The command's options whose value is a file name."""


def words_of(parser: ArgumentParser, path: str = "") -> Iterator[Words]:
    """The words that may follow each command."""
    commands: dict[str, str] = {}
    options: dict[str, str] = {}
    choices: tuple[str, ...] = ()
    files: list[str] = []
    below: list[tuple[str, ArgumentParser]] = []
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            commands = {it.dest: _help(it) for it in action._choices_actions}
            below = [(f"{path} {name}".strip(), made) for name, made in action.choices.items()]
            continue
        for word in action.option_strings:
            options[word] = _help(action)
            if action.metavar in FILES:
                files.append(word)
        if not action.option_strings and action.choices:
            choices = tuple(action.choices)
    yield Words(path, commands, options, choices, tuple(files))
    for name, made in below:
        yield from words_of(made, name)


def _help(action: Action) -> str:
    """The first words of a help text, without what a shell would interpret."""
    text = " ".join((action.help or "").split()).partition(" [")[0].replace("%%", "%")
    return "".join(char for char in text if char not in "'\"`$\\[]:")[:80]


def bash(parser: ArgumentParser) -> str:
    """The script for bash."""
    cases = []
    for it in words_of(parser):
        known = " ".join((*it.commands, *it.choices, *it.options))
        files = "|".join(it.files)
        test = f"case $before in {files}) compopt -o default; return;; esac; " if files else ""
        cases.append(f"    '{it.path}') {test}words='{known}';;")
    paths = "|".join(it.path for it in words_of(parser) if it.path)
    return f"""\
_chatd() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} path='' each words=''
  for each in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case $_chatd_paths in *"|${{path:+$path }}$each|"*) path="${{path:+$path }}$each";; esac
  done
  case $path in
{chr(10).join(cases)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  [ ${{#COMPREPLY[@]}} -gt 0 ] || compopt -o default
}}
_chatd_paths='|{paths}|'
complete -F _chatd chatd
"""


def zsh(parser: ArgumentParser) -> str:
    """The script for zsh, which can run the script for bash."""
    return f"autoload -U +X bashcompinit && bashcompinit\n{bash(parser)}"


def fish(parser: ArgumentParser) -> str:
    """The script for fish."""
    lines = ["complete -c chatd -f"]
    for it in words_of(parser):
        names = it.path.split()
        others = " ".join(it.commands)
        seen = "; and ".join(f"__fish_seen_subcommand_from {name}" for name in names)
        fresh = f"not __fish_seen_subcommand_from {others}" if others else ""
        within = f"{seen}; and {fresh}" if seen and fresh else seen or fresh
        for name, help in it.commands.items():
            lines.append(f"complete -c chatd -n '{within}' -a {name} -d '{help}'")
        for choice in it.choices:
            lines.append(f"complete -c chatd -n '{within}' -a {choice}")
        for option, help in it.options.items():
            kind = "-l" if option.startswith("--") else "-s"
            value = " -r -F" if option in it.files else ""
            word = option.lstrip("-")
            lines.append(f"complete -c chatd -n '{within}' {kind} {word}{value} -d '{help}'")
    return "\n".join(lines) + "\n"


SHELLS: dict[str, Callable[[ArgumentParser], str]] = {"bash": bash, "zsh": zsh, "fish": fish}
