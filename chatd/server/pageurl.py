"""The URL of the page, for links in answers that are not sent over HTTP."""

from __future__ import annotations

from .endpoints import TLS, beneath, kind_of
from .settings import Settings

_PORTS = {"http": "80", "https": "443"}


def page_url(settings: Settings) -> str:
    """The URL of the page without a slash at its end; empty if it is not known.

    It is known if the operator gave `--host`.  With `--trust-proxy`, the proxy is assumed to serve
    the host over https.
    """
    if not settings.host:
        return ""
    name = settings.host[0]
    if settings.trust_proxy:
        return f"https://{name}"
    for endpoint in settings.doors.get("http", ()):
        try:
            kind, _, rest = beneath(endpoint).partition(":")
        except ValueError:
            continue  # opening the door reports the error and ends the start
        scheme = "https" if kind_of(endpoint) in TLS else {"tcp": "http", "tcp6": "http"}.get(kind)
        port = rest.partition(":")[0].removeprefix("port=")
        if scheme and port.isdigit() and port != "0":
            return f"{scheme}://{name}" if port == _PORTS[scheme] else f"{scheme}://{name}:{port}"
    return ""
