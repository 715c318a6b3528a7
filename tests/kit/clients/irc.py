"""A client of the IRC door."""

from __future__ import annotations

import re
from itertools import count

from chatd.codecs.irc.message import Message, parse

from ..packets import packets
from ..server import MemoryServer
from .base import Client
from .seen import GAP, Seen

_numbers = count(1)
_CAPABILITIES = (
    "batch echo-message labeled-response message-tags server-time "
    "draft/chathistory draft/event-playback draft/multiline standard-replies"
)


class IrcClient(Client):
    """A modern client, which asks for CHATHISTORY when it comes back.

    A client without a name takes one of its own, because IRC has no guests without a nick.  IRC
    tells presence singly, guests included, which is not what the other doors announce.
    """

    door = "irc"
    kinds = frozenset({"message", "action", "topic", "nick", "gap"})
    announces = 1
    _label = 0
    _cursor = 0
    _stalled = False

    def __init__(self, server: MemoryServer, *, name: str = "", chop: int = 0) -> None:
        self._nick = name or f"irc-{next(_numbers)}"
        self._rest = b""
        self._seen: list[Seen] = []
        self._answers: dict[str, str | None] = {}
        self._batches: dict[str, Batch] = {}
        super().__init__(server, name=name, chop=chop)

    def reconnect(self) -> None:
        self.chat.settle()
        self._rest = b""
        self._wire = self.server.chat.connect(self.server.irc_door)
        self._command(f"CAP REQ :{_CAPABILITIES}", "CAP END", f"NICK {self._nick}", "USER x 0 * :x")
        self._command("JOIN #lobby")
        if self._cursor:
            self._command(f"CHATHISTORY AFTER #lobby msgid={self._cursor} 1000")
        self.chat.settle()
        self._receive()

    def disconnect(self) -> None:
        """What is on its way is lost."""
        self._wire.hang_up()
        self.chat.settle()

    def leave(self) -> None:
        self._command("QUIT")
        self.chat.settle()
        assert self._wire.lost

    def ask(self, text: str) -> None:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if text.startswith("\x01"):
            text = f" {text}"  # or it would be CTCP
        self._labelled(text, "PRIVMSG #lobby :")

    def answered(self) -> bool:
        self._receive()
        return f"{self._label}" in self._answers

    def answer(self) -> str | None:
        self._receive()
        return self._answers.pop(f"{self._label}")

    def act(self, text: str) -> str | None:
        self._labelled(f"\x01ACTION {text}\x01".replace("\x01]", "]"), "PRIVMSG #lobby :")
        self.chat.settle()
        return self.answer()

    def set_topic(self, text: str) -> str | None:
        return self._settled(f"TOPIC #lobby :{text}")

    def read(self) -> list[Seen]:
        self._receive()
        if not self._stalled:
            self._cursor = self.chat.service.horizon
        seen, self._seen = self._seen, []
        return seen

    def stall(self) -> None:
        self._stalled = True
        self._wire.fill()

    def resume(self) -> None:
        self._stalled = False
        if not self._wire.lost:
            self._wire.drain()
        self.chat.settle()

    def _enter(self, name: str) -> str | None:
        if name == self._nick:
            return None
        refusal = self._settled(f"NICK :{name}")
        if refusal is None:
            self._nick = name
        return refusal

    # -- what is sent ----------------------------------------------------------------------------

    def _settled(self, line: str) -> str | None:
        self._label += 1
        self._command(f"@label={self._label} {line}")
        self.chat.settle()
        return self.answer()

    def _labelled(self, text: str, begin: str) -> None:
        """Say a text with a label, in one line if it fits."""
        self._label += 1
        label = f"@label={self._label} "
        if "\n" not in text and len(text.encode()) <= 400:
            self._command(f"{label}{begin}{text}")
            return
        self._command(f"{label}BATCH +{self._label} draft/multiline #lobby")
        for line in text.split("\n"):
            for place, part in enumerate(parts(line)):
                concat = ";draft/multiline-concat" if place else ""
                self._command(f"@batch={self._label}{concat} {begin}{part}")
        self._command(f"BATCH -{self._label}")

    def _command(self, *lines: str) -> None:
        for line in lines:
            self._wire.send(*packets(f"{line}\r\n".encode(), self.chop))

    # -- what has come ---------------------------------------------------------------------------

    def _receive(self) -> None:
        *lines, self._rest = (self._rest + self._wire.received()).split(b"\r\n")
        for line in lines:
            message = parse(line.decode())
            assert message is not None
            self._take(message)

    def _take(self, message: Message) -> None:
        label, batch = message.tags.get("label"), message.tags.get("batch")
        if label is not None:
            self._answers.setdefault(label, None)
        if batch in self._batches and message.command in ("PRIVMSG", "NOTICE"):
            opened = self._batches[batch]
            if opened.kind == "draft/multiline":
                opened.add(message)
                return
        match message.command:
            case "BATCH":
                self._take_batch(message)
            case "PRIVMSG":
                self._said(message.source, message.params[1])
            case "TOPIC":
                self._seen.append(("topic", nick(message.source), message.params[1]))
            case "NICK" if not message.source.startswith("guest-"):
                self._seen.append(("nick", nick(message.source), message.params[0]))
            case "KICK" if message.params[1] == self._nick:
                self.end_code = message.params[2]
                if "!" in message.source:
                    self._seen.append(("kick", nick(message.source), *message.params[1:]))
            case "ERROR":
                self.end_code = self.end_code or message.params[0]
            case "NOTICE" if re.search(r"messages were missed in #lobby$", message.params[1]):
                self._seen.append(GAP)
            case "FAIL" | "400" | "403" | "404" | "411" | "412" | "417" | "432" | "433" | "482":
                label = label or self._label_of(batch)
                if label is not None:
                    self._answers[label] = message.params[-1]

    def _label_of(self, batch: str | None) -> str | None:
        opened = self._batches.get(batch or "")
        return opened.label if opened else None

    def _take_batch(self, message: Message) -> None:
        ref = message.params[0]
        if ref.startswith("+"):
            self._batches[ref[1:]] = Batch(message)
            return
        closed = self._batches.pop(ref[1:])
        if closed.kind == "draft/multiline":
            self._said(closed.source, closed.text)

    def _said(self, source: str, text: str) -> None:
        action = re.fullmatch("\x01ACTION (.*)\x01", text, re.S)
        kind = "action" if action else "message"
        for line in (action[1] if action else text).split("\n"):
            self._seen.append((kind, nick(source), line))


class Batch:
    """A batch that is being received."""

    def __init__(self, opening: Message) -> None:
        self.kind = opening.params[1]
        self.source = opening.source
        self.label = opening.tags.get("label")
        self.text = ""
        self._begun = False

    def add(self, message: Message) -> None:
        """One of its lines."""
        if self._begun and "draft/multiline-concat" not in message.tags:
            self.text += "\n"
        self._begun = True
        self.text += message.params[1]


def nick(source: str) -> str:
    """The nick of a `nick!user@host`."""
    return source.partition("!")[0]


def parts(line: str) -> list[str]:
    """A line in parts that fit into messages, cut between characters; one part at least."""
    found, rest = [], line
    while len(rest.encode()) > 400:
        part = rest.encode()[:400].decode(errors="ignore")
        found.append(part)
        rest = rest[len(part) :]
    return [*found, rest]
