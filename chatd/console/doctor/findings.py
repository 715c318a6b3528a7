"""Findings of the doctor, and the configuration that mends each fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Finding(NamedTuple):
    """The result of one examination."""

    what: str
    """The examined feature, for example `event stream`."""
    text: str
    """The observation."""
    fault: str = ""
    """The fault, a key of `REMEDIES`; empty if none was found."""
    examined: bool = True
    """Whether the feature could be examined."""

    @property
    def verdict(self) -> str:
        """The verdict in one word."""
        if self.fault:
            return "FAULT"
        return "ok" if self.examined else "?"


def not_examined(what: str, why: str) -> Finding:
    """The finding that a feature could not be examined."""
    return Finding(what, f"not examined: {why}", examined=False)


class NoChatd(Exception):
    """No chatd answers at the URL; the message says what answers there."""


NGINX, CADDY, HAPROXY, CHATD = "nginx", "Caddy", "HAProxy", "chatd"
SYSTEM = "system"
"""The operating system of the server's machine."""
REMEDIES: Mapping[str, Mapping[str, str]] = {
    "host": {
        NGINX: "proxy_set_header Host $http_host;",
        CADDY: "header_up Host {http.request.hostport}     # its default",
        HAPROXY: "remove http-request set-header Host …; HAProxy passes it on by itself",
        CHATD: "--host NAME, for the name in the URL",
    },
    "proto": {
        NGINX: "proxy_set_header X-Forwarded-Proto $scheme;",
        CADDY: "header_up X-Forwarded-Proto {http.request.scheme}     # its default",
        HAPROXY: "http-request set-header X-Forwarded-Proto https if { ssl_fc }",
        CHATD: "--trust-proxy ADDRESS, for the proxy's: 127.0.0.1",
    },
    "timeout": {
        NGINX: "proxy_read_timeout 75s;",
        CADDY: "remove read_timeout and response_header_timeout of transport http, or set 75s",
        HAPROXY: "timeout server 75s, and timeout client 75s",
    },
    "buffering": {
        NGINX: "proxy_buffering off;     # and remove proxy_ignore_headers X-Accel-Buffering, gzip",
        CADDY: "flush_interval -1     # in reverse_proxy; and leave out encode for these paths",
        HAPROXY: "remove option http-buffer-request and filter compression for these paths",
    },
    "websocket": {
        NGINX: "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
        "proxy_set_header Connection $http_connection;",
        CADDY: "it passes on WebSockets by itself; remove header_up Connection and Upgrade",
        HAPROXY: "remove option httpclose and http-request del-header Upgrade",
    },
    "idle": {
        NGINX: "proxy_read_timeout 75s;     # more than the 12 s between two heartbeats",
        CADDY: "remove stream_timeout from reverse_proxy",
        HAPROXY: "timeout server 75s, and timeout tunnel 1h",
    },
    "certificate": {
        NGINX: "ssl_certificate FULLCHAIN.pem; ssl_certificate_key KEY.pem;     # of that name",
        CADDY: "tls CERT KEY, or no tls line at all: then it gets a certificate itself",
        HAPROXY: "bind :443 ssl crt FULLCHAIN-AND-KEY.pem",
        CHATD: "--http tls:DIR:port=443     # DIR: CERT.pem, CHAIN.pem of its issuers, KEY.pem",
    },
    "protocol": {
        NGINX: "ssl_protocols TLSv1.2 TLSv1.3;",
        CADDY: "remove protocols from tls",
        HAPROXY: "ssl-default-bind-options ssl-min-ver TLSv1.2",
    },
    "plain": {
        NGINX: "listen 443 ssl; ssl_certificate CERT.pem; ssl_certificate_key KEY.pem;",
        CADDY: "give the site's name instead of http:// or a port",
        HAPROXY: "bind :443 ssl crt FULLCHAIN-AND-KEY.pem",
        CHATD: "--http tls:DIR:port=443     # DIR: CERT.pem, KEY.pem",
    },
    "clock": {
        SYSTEM: "timedatectl set-ntp true     # systemd; on the server's machine and on Redis's",
    },
}
"""For each fault, the line of configuration that mends it, by the program that it is for; or the
command, where it is a fault of the system."""


def remedies(fault: str, server: str) -> list[str]:
    """The lines that mend a fault; if the header `server` names a proxy, only those for that proxy,
    for chatd and the system.
    """
    lines = REMEDIES[fault]
    named = [name for name in lines if name.lower() in server.lower() and name != CHATD]
    chosen = [*named, CHATD, SYSTEM] if named else list(lines)
    return [f"{name}: {lines[name]}" for name in chosen if name in lines]
