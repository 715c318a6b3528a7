"""The examination of TLS: protocol, names, expiry and issuer of the certificate."""

from __future__ import annotations

import socket
import ssl
import time
from typing import Any

from .asking import ANSWER_SECONDS, Address
from .findings import Finding, not_examined

SOON_DAYS = 14
"""A certificate that expires within so many days is a fault: it should have been renewed."""
DAY = 86400
OLD = {"SSLv3", "TLSv1", "TLSv1.1"}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def examine_tls(address: Address) -> Finding:
    """Whether clients that verify certificates can connect."""
    what = "TLS"
    if not address.secure:
        if address.host in LOOPBACK:
            return Finding(what, "none, and none is needed on this machine")
        return Finding(what, "none: every network on the way can read what is sent", "plain")
    context = ssl.create_default_context()
    try:
        raw = socket.create_connection((address.host, address.port), ANSWER_SECONDS)
    except OSError as problem:  # no fault of TLS
        return not_examined(what, f"no connection: {problem.strerror or problem}")
    try:
        with raw, context.wrap_socket(raw, server_hostname=address.host) as link:
            certificate, version = link.getpeercert(), link.version()
    except ssl.SSLCertVerificationError as problem:
        return Finding(what, f"the certificate is refused: {problem.verify_message}", "certificate")
    except ssl.SSLError as problem:
        return Finding(what, f"no connection: {problem.reason or problem}", "protocol")
    except OSError as problem:
        return Finding(what, f"no connection: {problem.strerror or problem}", "protocol")
    if version in OLD:
        return Finding(what, f"{version} is out of date", "protocol")
    end = str((certificate or {}).get("notAfter", ""))
    days = (ssl.cert_time_to_seconds(end) - time.time()) / DAY
    named: Any = (certificate or {}).get("subjectAltName", ())
    names = ", ".join(str(entry[1]) for entry in named)
    if days < SOON_DAYS:
        return Finding(what, f"the certificate expires in {days:.0f} days; renew it", "certificate")
    return Finding(what, f"{version}, a certificate of {names} for {days:.0f} days more")
