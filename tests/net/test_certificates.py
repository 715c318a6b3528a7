"""Certificates in files: keys and chains are found, and errors name the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.net.certificates import (
    MOST_BYTES,
    BadCertificate,
    Directory,
    Pair,
    by_name,
    expired,
    for_name,
)

from ..kit.certificates import Authority, Certbot, key_pem, pem, write_certificate

AUTHORITY = Authority()
OTHER = Authority("other")


def pair(directory: Path, *hosts: str, chain: bool = True, **options: bool) -> Pair:
    """A key and its certificate in files."""
    leaf, key = AUTHORITY.issue(*(hosts or ("a.example",)), **options)
    (directory / "key.pem").write_text(key_pem(key))
    (directory / "cert.pem").write_text(pem(leaf) + pem(AUTHORITY.issuer) * chain)
    return Pair(directory / "key.pem", directory / "cert.pem")


@pytest.mark.parametrize("rsa", [False, True], ids=["ECDSA", "RSA"])
def test_a_certificate_comes_with_its_names_and_chain(tmp_path: Path, rsa: bool) -> None:
    """The chain follows the certificate in the same file, as in certbot's fullchain.pem."""
    (one,) = pair(tmp_path, "A.example", "*.b.example", rsa=rsa).read().certificates
    assert one.names == ("a.example", "*.b.example")
    assert one.chain == (AUTHORITY.issuer,)
    assert not expired(one)
    assert str(one) == f"a.example, *.b.example ({tmp_path / 'cert.pem'})"


def test_a_chain_may_be_in_a_file_of_its_own(tmp_path: Path) -> None:
    """The root is not sent, because a client that trusts it has it already."""
    whole = pair(tmp_path, chain=False)
    (tmp_path / "chain.pem").write_text(pem(AUTHORITY.root) + pem(AUTHORITY.issuer))
    (one,) = Pair(whole.key, whole.certificate, tmp_path / "chain.pem").read().certificates
    assert one.chain == (AUTHORITY.issuer,)
    (tmp_path / "chain.pem").write_text("nothing")
    with pytest.raises(BadCertificate, match=r"chain.pem holds no certificate"):
        Pair(whole.key, whole.certificate, tmp_path / "chain.pem").read()


def test_one_file_may_hold_everything(tmp_path: Path) -> None:
    """As HAProxy requires; the file may be read as a pair, or as a directory."""
    leaf, key = AUTHORITY.issue("a.example")
    file = tmp_path / "all.pem"
    file.write_text(pem(leaf) + key_pem(key) + pem(AUTHORITY.issuer))
    for source in (Pair(file, file), Directory(file), Directory(tmp_path)):
        (one,) = source.read().certificates
        assert (one.leaf, one.chain) == (leaf, (AUTHORITY.issuer,))


def test_a_certificate_that_signed_itself_has_no_chain(tmp_path: Path) -> None:
    """And no names, if it was issued without any."""
    certificate, key = write_certificate(tmp_path)
    (one,) = Pair(key, certificate).read().certificates
    assert one.chain == ()
    assert one.names == ()
    assert str(one).startswith("CN=chatd test (")


def damage_key(directory: Path) -> None:
    (directory / "key.pem").write_text((directory / "key.pem").read_text()[:100])


def other_key(directory: Path) -> None:
    (directory / "key.pem").write_text(key_pem(AUTHORITY.issue("a.example")[1]))


def locked_key(directory: Path) -> None:
    (directory / "key.pem").write_text(key_pem(AUTHORITY.issue("a.example")[1], b"secret"))


def scrambled_key(directory: Path) -> None:
    lines = (directory / "key.pem").read_text().splitlines()
    (directory / "key.pem").write_text("\n".join([lines[0], "AAAA", lines[-1]]))


def scrambled_certificate(directory: Path) -> None:
    lines = (directory / "cert.pem").read_text().splitlines()
    (directory / "cert.pem").write_text("\n".join([lines[0], "AAAA", lines[-1]]))


def no_certificate(directory: Path) -> None:
    (directory / "cert.pem").write_text("")


def no_file(directory: Path) -> None:
    (directory / "cert.pem").unlink()


def a_directory(directory: Path) -> None:
    (directory / "cert.pem").unlink()
    (directory / "cert.pem").mkdir()


def too_long(directory: Path) -> None:
    (directory / "cert.pem").write_bytes(bytes(MOST_BYTES + 1))


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (damage_key, r"key\.pem holds no private key"),
        (other_key, r"the key in .*key\.pem is not that of the certificate in .*cert\.pem"),
        (locked_key, r"key\.pem is encrypted"),
        (scrambled_key, r"key\.pem holds a private key that is broken"),
        (scrambled_certificate, r"cert\.pem holds a certificate that is broken"),
        (no_certificate, r"cert\.pem holds no certificate"),
        (no_file, r"cannot read .*cert\.pem: No such file"),
        (a_directory, r"cannot read .*cert\.pem: Is a directory"),
        (too_long, r"cert\.pem is longer than"),
    ],
)
def test_an_error_names_the_broken_file(tmp_path: Path, damage: object, why: str) -> None:
    """In one line."""
    source = pair(tmp_path)
    damage(tmp_path)  # type: ignore[operator]
    with pytest.raises(BadCertificate, match=why) as caught:
        source.read()
    assert len(str(caught.value).splitlines()) == 1


@given(st.binary(max_size=200))
def test_no_content_of_a_file_causes_another_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    """Any bytes between the marks of a PEM block cause `BadCertificate`, or are ignored."""
    file = tmp_path_factory.mktemp("pem") / "x.pem"
    for kind in (b"CERTIFICATE", b"PRIVATE KEY", b"RSA PRIVATE KEY"):
        file.write_bytes(b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (kind, data, kind))
        with pytest.raises(BadCertificate):
            Pair(file, file).read()


def test_a_directory_holds_several_certificates_with_their_keys(tmp_path: Path) -> None:
    """Like certbot's `live`, where three of the four files of a name have the same certificate."""
    for name in ("b.example", "a.example"):
        Certbot(tmp_path, name, AUTHORITY).renew()
    certificates = Directory(tmp_path / "live").read().certificates
    assert [one.names for one in certificates] == [("a.example",), ("b.example",)]
    assert [one.chain for one in certificates] == [(AUTHORITY.issuer,)] * 2


def test_issuers_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    """By their signatures, because an authority replaces its issuers under the same names."""
    again = Authority()
    (tmp_path / "0.pem").write_text(pem(again.issuer))
    pair(tmp_path)
    (one,) = Directory(tmp_path).read().certificates
    assert one.chain == (AUTHORITY.issuer,)


def test_broken_files_of_a_directory_do_not_hide_the_others(tmp_path: Path) -> None:
    """The broken files are reported."""
    Certbot(tmp_path, "a.example", AUTHORITY).renew()
    broken = Certbot(tmp_path, "b.example", AUTHORITY)
    broken.renew()
    broken.write()
    broken.link("privkey")
    reading = Directory(tmp_path / "live").read()
    assert [one.names for one in reading.certificates] == [("a.example",)]
    told = "\n".join(reading.problems)
    assert f"no certificate for the key in {broken.live / 'privkey.pem'}" in told
    assert f"no key for the certificate in {broken.live / 'cert.pem'}" in told


def test_a_directory_without_a_certificate_is_refused(tmp_path: Path) -> None:
    """Hidden files and those of other kinds are not read."""
    leaf, key = AUTHORITY.issue("a.example")
    for name in (".a.pem", "README"):
        (tmp_path / name).write_text(pem(leaf) + key_pem(key))
    with pytest.raises(BadCertificate, match="no file in it holds"):
        Directory(tmp_path).read()
    with pytest.raises(BadCertificate, match="neither a directory nor a file"):
        Directory(tmp_path / "none").read()
    assert Directory(tmp_path / "none").marks() == ()


def test_marks_change_when_a_link_points_to_another_file(tmp_path: Path) -> None:
    """Also when the link is replaced by a file, or removed."""
    certbot = Certbot(tmp_path, "a.example", AUTHORITY)
    certbot.renew()
    for source in (
        Directory(tmp_path / "live"),
        Pair(certbot.live / "privkey.pem", certbot.live / "fullchain.pem"),
    ):
        before = source.marks()
        assert source.marks() == before
        certbot.renew()
        renewed = source.marks()
        assert renewed != before
        (certbot.live / "fullchain.pem").unlink()
        assert source.marks() not in (before, renewed)
        certbot.link("fullchain")


def test_of_two_certificates_for_one_name_the_later_expiry_wins(tmp_path: Path) -> None:
    """certbot makes NAME-0001 beside NAME."""
    for directory, days in (("a", 2), ("b", 5), ("c", 1)):
        (tmp_path / directory).mkdir()
        leaf, key = AUTHORITY.issue("a.example", days=days)
        (tmp_path / directory / "all.pem").write_text(pem(leaf) + key_pem(key))
    chosen = by_name(Directory(tmp_path).read().certificates)
    assert chosen["a.example"].path == tmp_path / "b" / "all.pem"


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("a.example", "a.example"),
        ("A.Example.", "a.example"),
        ("x.b.example", "*.b.example"),
        ("b.example", None),
        ("x.y.b.example", None),
        ("", None),
    ],
)
def test_a_host_is_found_by_its_name_or_a_wildcard(asked: str, name: str | None) -> None:
    """A wildcard matches one label."""
    assert for_name(["a.example", "*.b.example"], asked) == name


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """With the system's reason."""
    source = pair(tmp_path)
    source.key.unlink()
    source.key.mkdir()
    with pytest.raises(BadCertificate, match=r"cannot read .*key.pem: Is a directory"):
        source.read()
