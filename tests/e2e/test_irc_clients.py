"""irssi and WeeChat, beside telnet and curl, in one room of one real server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..kit.processes import Daemon, Program
from .conftest import Start

IRSSI = """
servers = ( { address = "127.0.0.1"; chatnet = "chatd"; port = "PORT"; autoconnect = "yes"; } );
chatnets = { chatd = { type = "IRC"; nick = "irs"; }; };
channels = ( { name = "#lobby"; chatnet = "chatd"; autojoin = "yes"; } );
settings = {
  core = { real_name = "Iris"; user_name = "irs"; nick = "irs"; };
  "fe-common/core" = { autocreate_windows = "no"; };
  "irc/core" = { cmds_max_at_once = "100"; };
};
"""
"""Its limit of commands at once is high: after five it would wait two seconds before each."""


class WeeChat:
    """WeeChat without a screen: told by a pipe, and read by its log."""

    def __init__(self, start: Start, directory: Path, daemon: Daemon) -> None:
        home = directory / "weechat"
        home.mkdir()
        self._pipe = home / "pipe"
        log = home / "irc.chatd.#lobby.weechatlog"
        log.touch()
        commands = (
            f"/set fifo.file.path {self._pipe}",
            "/fifo enable",
            "/set logger.file.path ${weechat_data_dir}",
            "/set logger.file.flush_delay 0",
            f"/server add chatd 127.0.0.1/{daemon.irc} -notls -nicks=wee -autojoin=#lobby",
            "/connect chatd",
        )
        start("weechat-headless", "--dir", str(home), *(w for c in commands for w in ("-r", c)))
        self.log = start("tail", "-n", "+1", "-f", str(log))
        self.log.expect(r"wee .*has joined #lobby")

    def type(self, text: str) -> None:
        """Say something in the room."""
        with self._pipe.open("w") as pipe:
            pipe.write(f"irc.chatd.#lobby *{text}\n")


@pytest.fixture
def irssi(start: Start, tmp_path: Path, daemon: Daemon) -> Program:
    """irssi, on a terminal, in the lobby."""
    home = tmp_path / "irssi"
    home.mkdir()
    (home / "config").write_text(IRSSI.replace("PORT", str(daemon.irc)))
    program = start("script", "-qefc", f"TERM=vt100 irssi --home={home}", "/dev/null")
    program.expect(r"was synced in")
    return program


def test_irssi_weechat_telnet_and_curl_read_one_transcript(
    daemon: Daemon, start: Start, irssi: Program, tmp_path: Path
) -> None:
    """What one says all others read, in one order."""
    telnet = start("telnet", "127.0.0.1", str(daemon.line))
    telnet.expect(r"^== you are in #lobby")
    telnet.type("/nick ada\n")
    telnet.expect(r"^-- ada joined #lobby")
    wee = WeeChat(start, tmp_path, daemon)
    irssi.type("from irssi\n")
    telnet.expect(r"^<irs> from irssi")
    wee.log.expect(r"irs\tfrom irssi")
    wee.type("from weechat")
    telnet.expect(r"^<wee> from weechat")
    irssi.expect(r"from weechat")
    telnet.type("from telnet\n")
    irssi.expect(r"from telnet")
    wee.log.expect(r"ada\tfrom telnet")
    irssi.type("/me waves\n")
    telnet.expect(r"^\* irs waves")
    wee.log.expect(r"irs waves")
    irssi.type("/topic tea at four\n")
    telnet.expect(r"^-- irs set the topic: tea at four")
    wee.log.expect(r"tea at four")
    curl = start("curl", "-sS", f"{daemon.url}/rooms/lobby/events?since=0&wait=0")
    assert curl.wait() == 0
    said = [
        (event["type"], event["from"], event["text"])
        for event in json.loads(curl.output)["events"]
        if "text" in event and event["type"] != "leave"
    ]
    assert said == [
        ("message", "irs", "from irssi"),
        ("message", "wee", "from weechat"),
        ("message", "ada", "from telnet"),
        ("action", "irs", "waves"),
        ("topic", "irs", "tea at four"),
    ]
    irssi.type("/quit\n")
    telnet.expect(r"^-- irs left #lobby")
    assert "Traceback" not in daemon.output
