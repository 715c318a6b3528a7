"""`chatd completion SHELL`: writes the script by which a shell completes `chatd`'s words."""

from __future__ import annotations

import sys
from argparse import Namespace

from ..completing import SHELLS
from ..parser import Parser
from ..status import DONE


def fill(parser: Parser) -> None:
    """Add the command's argument."""
    parser.description = (
        'Write the completion of a shell. bash: eval "$(chatd completion bash)" in ~/.bashrc; '
        'zsh: eval "$(chatd completion zsh)" in ~/.zshrc, after compinit; fish: chatd completion '
        "fish > ~/.config/fish/completions/chatd.fish"
    )
    parser.add_argument("shell", metavar="SHELL", choices=sorted(SHELLS), help="bash, zsh or fish")


def run(given: Namespace) -> int:
    """Run the command.  Returns the exit status."""
    from ..main import parser

    sys.stdout.write(SHELLS[given.shell](parser()))
    return DONE
