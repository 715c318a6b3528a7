"""The lines of configuration that mend the faults that the doctor finds."""

from __future__ import annotations

import pytest

from chatd.console.doctor.findings import CADDY, HAPROXY, NGINX, REMEDIES, SYSTEM, remedies


@pytest.mark.parametrize("fault", sorted(REMEDIES.keys() - {"clock"}))
def test_every_fault_has_a_line_for_every_proxy(fault: str) -> None:
    """So every operator gets the line for their own proxy."""
    for name in (NGINX, CADDY, HAPROXY):
        assert REMEDIES[fault][name]
        assert any(line.startswith(f"{name}: ") for line in remedies(fault, ""))


def test_only_lines_for_the_proxy_that_names_itself_are_shown() -> None:
    """The proxy names itself by the header `Server`; the lines for chatd are always shown."""
    assert [line.partition(":")[0] for line in remedies("host", "nginx/1.22.1")] == [
        "nginx",
        "chatd",
    ]
    assert [line.partition(":")[0] for line in remedies("timeout", "Caddy")] == ["Caddy"]


@pytest.mark.parametrize("server", ["", "nginx"])
def test_a_fault_of_the_system_has_one_line_whatever_the_proxy(server: str) -> None:
    """A clock is not set by a proxy."""
    assert [line.partition(":")[0] for line in remedies("clock", server)] == [SYSTEM]


@pytest.mark.parametrize("fault", ["certificate", "plain"])
def test_certificates_are_advised_as_the_documentation_advises_them(fault: str) -> None:
    """A directory, which needs no order of files, and is read again when it changes."""
    chatd = [line for line in remedies(fault, "") if line.startswith("chatd: ")]
    assert len(chatd) == 1
    assert "--http tls:DIR:port=443 " in chatd[0]
