"""The certificates of the doors: renewed while the server runs, and refused if they are broken."""

from __future__ import annotations

import grp
import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from twisted.logger import capturedLogs, formatEvent

from chatd.net.certificates import BadCertificate, Directory, Pair
from chatd.server.tls import DAY, LOOK_SECONDS, CertificateWatch, DoorCertificates, problems
from chatd.testing.clock import StrictClock

from ..kit.certificates import Authority, Certbot
from ..kit.handshakes import Handshake

AUTHORITY = Authority()


class Site:
    """A door with certificates of certbot, and the service that checks their files."""

    def __init__(self, directory: Path, *names: str) -> None:
        self.clock = StrictClock()
        self.certbots = {name: Certbot(directory, name, AUTHORITY) for name in names}
        for certbot in self.certbots.values():
            certbot.renew(days=60)
        self.door = DoorCertificates("http", Directory(directory / "live"))
        self.watch = CertificateWatch(self.clock, [self.door])
        self.watch.startService()

    def serial(self, name: str) -> int:
        """The serial number of the certificate that a client of that name gets."""
        handshake = Handshake(self.door.contexts, AUTHORITY.root_pem, name)
        assert handshake.finish().names == (name,)
        (one,) = [one for one in self.door.certificates if one.names == (name,)]
        return one.leaf.serial_number

    def wait(self) -> list[str]:
        """Wait for two checks of the files, and return what was logged."""
        with capturedLogs() as logs:
            for _ in range(2):
                self.clock.advance(LOOK_SECONDS)
        return [formatEvent(event) or "" for event in logs]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site of two names."""
    return Site(tmp_path, "a.example", "b.example")


def test_a_renewal_of_certbots_is_used_within_ten_seconds(site: Site) -> None:
    """certbot replaces symbolic links; the log says until when the new certificate is valid."""
    before, other = site.serial("a.example"), site.serial("b.example")
    site.certbots["a.example"].renew()
    told = site.wait()
    assert site.serial("a.example") != before
    assert site.serial("b.example") == other
    assert any("http door: certificate for a.example" in line for line in told), told


def test_a_renewal_that_is_under_way_is_waited_for(site: Site) -> None:
    """Each changed file delays the reading, so a key is never read without its certificate."""
    before = site.serial("a.example")
    certbot = site.certbots["a.example"]
    certbot.write()
    for file in ("cert", "privkey", "chain", "fullchain"):
        certbot.link(file)
        with capturedLogs() as logs:
            site.clock.advance(LOOK_SECONDS)
        assert not logs
        assert site.serial("a.example") == before
    site.wait()
    assert site.serial("a.example") != before


def test_files_that_do_not_change_are_not_read(site: Site) -> None:
    """Nothing is logged."""
    assert site.wait() == []
    assert site.watch.reload() == []


def test_a_broken_certificate_is_refused_and_the_old_one_stays(
    site: Site, logged_errors: list[str]
) -> None:
    """The log says why, once; certificates for other names are renewed meanwhile."""
    before = site.serial("a.example")
    link = site.certbots["a.example"].live / "privkey.pem"
    link.write_text("nothing")
    told = site.wait()
    assert "no key for the certificate in" in told[0]
    assert "a.example" in told[0]
    assert site.serial("a.example") == before
    assert site.wait() == []
    site.certbots["b.example"].renew()
    other = site.serial("b.example")
    site.wait()
    assert site.serial("b.example") != other
    assert site.serial("a.example") == before
    site.certbots["a.example"].renew()
    site.wait()
    assert site.serial("a.example") != before
    logged_errors.clear()


def test_a_certificate_that_has_expired_does_not_replace_one_that_has_not(
    site: Site, logged_errors: list[str]
) -> None:
    """For example after a backup was restored."""
    before = site.serial("a.example")
    for certbot in site.certbots.values():
        certbot.renew(days=-1)
    (told,) = site.wait()
    assert "the old one stays" in told
    assert "has expired" in told
    assert site.serial("a.example") == before
    logged_errors.clear()


def test_a_name_that_was_removed_is_no_longer_served(site: Site) -> None:
    """Clients that ask for it get the first certificate."""
    live = site.certbots["b.example"].live
    for file in live.iterdir():
        file.unlink()
    site.wait()
    assert [one.names for one in site.door.certificates] == [("a.example",)]


def test_a_reload_reads_at_once(site: Site) -> None:
    """It returns the doors whose certificates have changed."""
    before = site.serial("a.example")
    site.certbots["a.example"].renew()
    assert site.watch.reload() == ["http"]
    assert site.serial("a.example") != before
    assert site.wait() == []


def test_a_certificate_that_is_about_to_expire_is_logged_daily(tmp_path: Path) -> None:
    """With its names and its file."""
    site = Site(tmp_path, "a.example")
    site.certbots["a.example"].renew(days=13)
    site.wait()
    told = []
    for _ in range(3):
        with capturedLogs() as logs:
            site.clock.advance(DAY)
        told += [formatEvent(event) or "" for event in logs]
    assert len(told) == 3
    assert all("a.example" in line and "renew it" in line for line in told)
    site.watch.stopService()


def test_the_key_of_the_tickets_is_replaced_daily(site: Site) -> None:
    """By new contexts of the same certificates."""
    before, serial = site.door.contexts.context, site.serial("a.example")
    site.clock.advance(DAY - LOOK_SECONDS)
    assert site.door.contexts.context is before
    site.clock.advance(2 * LOOK_SECONDS)
    assert site.door.contexts.context is not before
    assert site.serial("a.example") == serial


def test_the_watch_over_nothing_does_nothing() -> None:
    """A server without TLS has no timer."""
    clock = StrictClock()
    watch = CertificateWatch(clock, [], lambda: datetime.now(UTC))
    watch.startService()
    assert not clock.getDelayedCalls()
    watch.stopService()


def test_a_start_without_a_usable_certificate_fails(tmp_path: Path) -> None:
    """With the reason."""
    with pytest.raises(BadCertificate, match="cannot read"):
        DoorCertificates("http", Pair(tmp_path / "key.pem", tmp_path / "cert.pem"))


def test_problems_name_their_endpoints(tmp_path: Path) -> None:
    """For `chatd check`."""
    Certbot(tmp_path, "a.example", AUTHORITY).renew()
    good = f"tls:{tmp_path / 'live'}:port=443"
    doors = {"line": ["tcp:23", good], "http": [good, f"tls:{tmp_path / 'none'}"]}
    (told,) = problems(doors)
    assert told.startswith(f"--http tls:{tmp_path / 'none'}: ")
    assert "neither a directory nor a file" in told


def test_the_documented_hook_of_certbot_copies_what_the_server_reads(tmp_path: Path) -> None:
    """The script of docs/operations.md, with the directory and the group replaced by the test's."""
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    script = re.search(r"```sh\n(#!/bin/sh\n# certbot.*?)```", text, re.S)
    assert script
    group = grp.getgrgid(os.getegid()).gr_name
    hook = tmp_path / "hook"
    hook.write_text(
        script[1]
        .replace("/etc/chatd/tls", str(tmp_path / "tls"))
        .replace("-g chatd", f"-g {group}")
    )
    hook.chmod(0o755)
    (tmp_path / "tls").mkdir()
    certbot = Certbot(tmp_path, "a.example", AUTHORITY)
    seen = []
    for _ in range(2):
        certbot.renew()
        subprocess.run([hook], env={**os.environ, "RENEWED_LINEAGE": str(certbot.live)}, check=True)
        (one,) = Directory(tmp_path / "tls").read().certificates
        assert one.chain == (AUTHORITY.issuer,)
        seen.append(one.leaf)
    assert seen[0] != seen[1]
    assert (tmp_path / "tls" / "a.example" / "privkey.pem").stat().st_mode & 0o007 == 0
