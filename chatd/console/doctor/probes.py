"""The examinations: each sends requests to the server's public address, and returns a finding."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPException
from typing import Any

from .asking import ANSWER_SECONDS, Address, Exchange, ask
from .findings import Finding, NoChatd, not_examined

ROOM = "lobby"
HEARTBEAT_SECONDS = 20.0
"""Seconds within which a heartbeat must arrive: the server sends one every 12 seconds."""
READY_SECONDS = 5.0
"""Seconds within which a stream must begin; a proxy that buffers holds it back."""
REFUSING = (401, 403, 429, 503)
"""Statuses with which chatd refuses a reader: it may not read, or a limit is reached."""
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""See RFC 6455, section 1.3."""
JSON = {"Content-Type": "application/json"}


def greet(address: Address) -> str:
    """Find out whether a chatd answers; returns the header `Server`.  Raises `NoChatd`."""
    try:
        with closing(ask(address, "/healthz")) as exchange:
            body = exchange.answer.read(4096)
    except (OSError, HTTPException) as problem:
        raise NoChatd(f"no answer from {address.origin}: {_why(problem)}") from None
    answer, status = _json(body), exchange.answer.status
    server = exchange.answer.getheader("Server", "")
    if status in (502, 503, 504) and "status" not in answer and "error" not in answer:
        raise NoChatd(f"the proxy at {address.origin} reaches no chatd (status {status})")
    if "status" not in answer and _code(answer) != "wrong-host":
        raise NoChatd(f"what answers at {address.origin} is no chatd (status {status})")
    return server


def examine_host(address: Address) -> Finding:
    """Whether the proxy passes on the host of the URL: the server compares it with the page's
    origin.
    """
    what = "Host"
    plain = _asked(address, "POST", "/session", b"{}", JSON)
    if _code(plain[1]) == "wrong-host":
        return Finding(what, "the server does not know the name (421 wrong-host)", "host")
    own = _asked(address, "POST", "/session", b"{}", {**JSON, "Origin": address.origin})
    for _, answer, _ in (plain, own):
        if token := answer.get("token"):
            _asked(address, "DELETE", "/session", None, {"Authorization": f"Bearer {token}"})
    # Not the status: where guests may only read, both requests are refused with 403.
    if _code(own[1]) == "foreign-origin":
        return Finding(
            what, "the server takes the page's own requests for another site's (403)", "host"
        )
    if not (_code(own[1]) or own[1].get("token")):
        return not_examined(what, f"the answer is not chatd's (status {own[0]})")
    return Finding(what, "the server knows under which name it was asked")


def examine_forwarded(address: Address) -> Finding:
    """Whether the proxy tells the server that clients speak TLS: then the cookie is `Secure`."""
    what = "X-Forwarded-Proto"
    status, answer, cookie = _asked(address, "POST", "/session", b"{}", JSON)
    if token := answer.get("token"):
        _asked(address, "DELETE", "/session", None, {"Authorization": f"Bearer {token}"})
    if not cookie:
        return not_examined(what, f"a session was refused (status {status})")
    if "secure" in (part.strip().lower() for part in cookie.split(";")):
        return Finding(what, "the server knows that clients speak TLS")
    return Finding(
        what, "the server takes TLS for plain HTTP: it refuses passwords, its cookie is not Secure",
        "proto",
    )  # fmt: skip


def examine_poll(address: Address, seconds: int) -> Finding:
    """Whether the proxy lets the server hold a poll."""
    what = "held poll"
    path = f"/rooms/{ROOM}/events?since=now&wait={seconds}"
    began = time.monotonic()
    try:
        with closing(ask(address, path, seconds=seconds + ANSWER_SECONDS)) as exchange:
            body = exchange.answer.read()
    except (OSError, HTTPException) as problem:
        after = time.monotonic() - began
        return Finding(what, f"cut after {after:.1f} s: {_why(problem)}", "timeout")
    after = time.monotonic() - began
    status = exchange.answer.status
    if status == 200 and "next" in _json(body):
        return Finding(what, f"answered after {after:.1f} s of {seconds}")
    if _code(_json(body)):
        return not_examined(what, f"the server refuses it ({_code(_json(body))})")
    return Finding(what, f"answered by the proxy after {after:.1f} s (status {status})", "timeout")


def examine_stream(address: Address) -> Finding:
    """Whether the proxy passes on an event stream at once, without buffering it."""
    what = "event stream"
    began = time.monotonic()
    try:
        with closing(_stream(address, READY_SECONDS)) as exchange:
            refused = _refused(exchange)
            if refused:
                return not_examined(what, refused)
            kind = exchange.answer.getheader("Content-Type", "")
            first = exchange.answer.fp.readline() if kind.startswith("text/event-stream") else b""
            packed = exchange.answer.getheader("Content-Encoding", "")
    except TimeoutError:
        return Finding(what, f"nothing came in {READY_SECONDS:.0f} s: it is buffered", "buffering")
    except (OSError, HTTPException) as problem:
        return Finding(what, f"cut: {_why(problem)}", "buffering")
    if not kind.startswith("text/event-stream"):
        return Finding(what, f"it is no event stream any more ({kind or 'no type'})", "buffering")
    if not first:
        return Finding(what, "it ended before anything came", "buffering")
    if packed:
        return Finding(what, f"it is compressed ({packed}), and may be held back", "buffering")
    return Finding(what, f"begins after {time.monotonic() - began:.2f} s")


def examine_websocket(address: Address) -> Finding:
    """Whether a WebSocket opens, and a message arrives."""
    what = "WebSocket"
    key = base64.b64encode(os.urandom(16))
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key.decode(),
    }
    path = f"/rooms/{ROOM}/events?since=now"
    arrived = False
    try:
        with closing(ask(address, path, headers, seconds=READY_SECONDS)) as exchange:
            arrived = True
            status = exchange.answer.status
            if status in REFUSING and (refused := _refused(exchange, known=True)):
                return not_examined(what, refused)
            if status != 101:
                return Finding(what, f"the upgrade does not arrive (status {status})", "websocket")
            proof = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
            if exchange.answer.getheader("Sec-WebSocket-Accept") != proof:
                return Finding(what, "its proof (Sec-WebSocket-Accept) is wrong", "websocket")
            first = exchange.answer.fp.read(1)
    except TimeoutError:
        seen = "it opens, but no message arrives"
        if not arrived:
            seen = "the upgrade does not arrive: the server sees a long-poll"
        return Finding(what, seen, "websocket")
    except (OSError, HTTPException) as problem:
        return Finding(what, f"cut: {_why(problem)}", "websocket")
    if first[:1] != b"\x81":
        return Finding(what, "it opens, but its first frame is no message", "websocket")
    return Finding(what, "opens, and messages arrive")


def examine_idle(
    address: Address, seconds: float, tell: Callable[[str], None] = lambda text: None
) -> Finding:
    """How long a stream stays open in which only heartbeats arrive."""
    what = "idle stream"
    began = time.monotonic()
    last = False

    def lived() -> float:
        return time.monotonic() - began

    try:
        with closing(_stream(address, HEARTBEAT_SECONDS)) as exchange:
            if refused := _refused(exchange):
                return not_examined(what, refused)
            while (left := seconds - lived()) > 0:
                last = left <= HEARTBEAT_SECONDS
                exchange.timeout(min(left, HEARTBEAT_SECONDS))
                if not exchange.answer.fp.readline():
                    return Finding(what, f"ended after {lived():.1f} s", "idle")
                tell(f"the idle stream lives for {lived():.0f} s")
    except TimeoutError:
        if not last:
            return Finding(
                what, f"no heartbeat came in {HEARTBEAT_SECONDS:.0f} s: it is buffered", "buffering"
            )
    except (OSError, HTTPException) as problem:
        return Finding(what, f"cut after {lived():.1f} s: {_why(problem)}", "idle")
    return Finding(what, f"lives for {lived():.0f} s, and goes on")


def _stream(address: Address, seconds: float) -> Exchange:
    headers = {"Accept": "text/event-stream", "Accept-Encoding": "gzip"}
    return ask(address, f"/rooms/{ROOM}/events?since=now", headers, seconds=seconds)


def _refused(exchange: Exchange, *, known: bool = False) -> str:
    """The reason why the server refuses a stream; empty if it does not refuse it, or with `known`
    if the refusal is not chatd's own.
    """
    if exchange.answer.status == 200:
        return ""
    code = _code(_json(exchange.answer.read(4096)))
    if known and not code:
        return ""
    return f"the server refuses it ({code or exchange.answer.status})"


def _asked(
    address: Address, method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> tuple[int, dict[str, Any], str]:
    """Status, JSON and cookie of an answer; status 0 if there is none."""
    try:
        with closing(ask(address, path, headers, method=method, body=body)) as exchange:
            answer = exchange.answer
            told = _json(answer.read(65536))
            return answer.status, told, answer.getheader("Set-Cookie", "") or ""
    except (OSError, HTTPException):
        return 0, {}, ""


def _json(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _code(answer: dict[str, Any]) -> str:
    error = answer.get("error")
    return str(error.get("code", "")) if isinstance(error, dict) else ""


def _why(problem: Exception) -> str:
    return getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
