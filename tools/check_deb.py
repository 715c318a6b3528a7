#!/usr/bin/env python3
"""Shows that the Debian package can be installed, upgraded and purged.

Installs the package that `make deb` left in dist/ into a separate root directory, which debootstrap
makes from the distribution's packages.  It has to run as root.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SYSTEM = ROOT / "build" / "deb" / "root"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}


def require(condition: object, complaint: str) -> None:
    """End the check with `complaint` unless `condition` holds."""
    if not condition:
        sys.exit(f"check_deb: {complaint}")


def run(*command: object, fails: bool = False) -> str:
    """Run a command to its end and return what it printed."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, **ENVIRONMENT})
    output = done.stdout + done.stderr
    require(fails or done.returncode == 0, f"{' '.join(words)} failed:\n{output}")
    return output


def within(*command: object) -> str:
    """Run a command in the root."""
    return run("chroot", SYSTEM, *command)


def there(path: str) -> Path:
    """A path in the root."""
    return SYSTEM / path.lstrip("/")


def make_root() -> None:
    """Make a small system with Python."""
    if SYSTEM.exists():
        shutil.rmtree(SYSTEM)
    suite = next(
        line.partition("=")[2].strip('"')
        for line in Path("/etc/os-release").read_text().splitlines()
        if line.startswith("VERSION_CODENAME=")
    )
    run("debootstrap", "--variant=minbase", "--include=python3,adduser", suite, SYSTEM)


def later(package: Path) -> Path:
    """The same package, as a later version."""
    unpacked = ROOT / "build" / "deb" / "later"
    shutil.rmtree(unpacked, ignore_errors=True)
    run("dpkg-deb", "--raw-extract", package, unpacked)
    control = unpacked / "DEBIAN" / "control"
    text = control.read_text()
    version = text.partition("Version: ")[2].splitlines()[0]
    control.write_text(text.replace(f"Version: {version}", f"Version: {version}+1"))
    made = unpacked.with_suffix(".deb")
    run("dpkg-deb", "--root-owner-group", "--build", unpacked, made)
    return made


def install(package: Path) -> None:
    """Install a package in the root."""
    shutil.copy(package, there("/tmp/chatd.deb"))
    within("dpkg", "--force-confold", "--install", "/tmp/chatd.deb")


def main() -> None:
    """Check the one package in dist/."""
    packages = list((ROOT / "dist").glob("chatd_*.deb"))
    require(len(packages) == 1, f"expected one package in dist/, found {packages}")
    found = run("lintian", "--fail-on", "error", packages[0], fails=True)
    require(" E: " not in f" {found}" and "\nE: " not in found, f"lintian complains:\n{found}")

    make_root()
    install(packages[0])
    require(within("id", "-un", "chatd").strip() == "chatd", "there is no user chatd")
    state = there("/var/lib/chatd")
    require(state.stat().st_mode & 0o7777 == 0o750, "/var/lib/chatd is open to others")
    config = there("/etc/chatd/chatd.toml")
    told = within("chatd", "check", "--config", "/etc/chatd/chatd.toml")
    require("is valid" in told, f"the configuration is not valid: {told}")
    require(there("/lib/systemd/system/chatd.service").is_file(), "there is no unit")

    config.write_text(config.read_text() + "max-rooms = 7\n")
    (state / "chatd.sqlite").write_bytes(b"history")
    install(later(packages[0]))
    require("max-rooms = 7" in config.read_text(), "the upgrade has replaced the configuration")
    require((state / "chatd.sqlite").is_file(), "the upgrade has removed the history")
    require("+1" in within("dpkg-query", "--show", "chatd"), "it is not upgraded")

    within("dpkg", "--remove", "chatd")
    require(config.is_file(), "removal took the configuration, which only a purge does")
    require(not there("/usr/lib/chatd").exists(), "removal leaves files in /usr/lib/chatd")
    within("dpkg", "--purge", "chatd")
    for path in ("/etc/chatd", "/var/lib/chatd", "/usr/bin/chatd"):
        require(not there(path).exists(), f"the purge leaves {path}")
    shutil.rmtree(SYSTEM)
    print(f"{packages[0].name}: installed, upgraded, removed and purged")


if __name__ == "__main__":
    main()
