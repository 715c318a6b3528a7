"""Valid passwords: OpaqueString (RFC 8265, section 4) of 8 to 128 characters.

1. The length is checked before a password is used in any other way.
2. Two spellings of one password are equal: OpaqueString replaces all kinds of spaces by the ASCII
   space, and normalises (NFC).  Control characters, NUL among them, are refused.
3. Notoriously common passwords are refused: the words below and the name itself, in any case, also
   with digits (`1`, `123`) or a mark after them; one or two characters repeated; a run of
   neighbours on the keyboard.
"""

from __future__ import annotations

import re
import unicodedata

from precis_i18n import get_profile

from .bounds import PASSWORD
from .errors import BadPassword
from .names import name_key

MIN_PASSWORD = 8
"""Characters in a password."""

_opaque = get_profile("OpaqueString")
_RUNS = (
    "0123456789012345678901234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
)
_SUFFIX = re.compile(r"(.+?)(?:\d|12|123|1234|12345|123456|1234567|12345678|123456789)?[!.?]?")
# Chosen by hand: the most frequent words of all lists of leaked passwords, without the digits and
# marks that people append.
_WORDS = """
password passwort passw0rd p@ssword p@ssw0rd pa$$word passwd motdepasse contraseña parola senha
qwerty qwertyui qwertyuiop qwertz qwertzui azerty azertyui asdfgh asdfghjk asdfghjkl zxcvbn
zxcvbnm 1q2w3e4r 1q2w3e4r5t 1qaz2wsx qazwsx qazwsxedc zaq12wsx q1w2e3r4 q1w2e3r4t5 1q2w3e
abc abcd abcdef abcdefgh abcdabcd aabbcc abc123abc a1b2c3d4 a1b2c3 qweasd qweasdzxc qwe asd
admin administrator root user guest login test testtest tester testing changeme letmein
welcome welcome! secret secret! default master superman batman spiderman iloveyou loveyou
ilovegod jesus jesuschrist sunshine princess football baseball basketball soccer hockey
dragon monkey shadow michael jordan michelle jennifer jessica ashley daniel thomas charlie
jonathan liverpool chelsea arsenal barcelona realmadrid manchester juventus pokemon
starwars computer internet samsung google facebook microsoft windows whatever trustno
trustno1 freedom mustang corvette ferrari mercedes porsche harley pepper ginger maggie
buster tigger cookie chocolate butterfly flower flowers summer winter spring autumn sommer
hallo hallohallo hello hellohello helloworld schatz ficken blink182 linkinpark metallica
nirvana eminem killer hunter hunter2 matrix phoenix phantom access access14 maverick
cheese bananas banana orange purple yellow silver golden diamond angel angels babygirl
lovely loveme fuckyou fuckoff fuckme asshole bitch biteme pussy1 playboy money business
company server chat chatchat chatroom chatd nopassword mypassword newpassword yourpassword
thepassword password! passwordpassword p4ssword pass passpass pass1234word correcthorse
correcthorsebatterystaple school student teacher class classroom
"""
_NOTORIOUS = frozenset(_WORDS.split())


def clean_password(text: str, name: str = "") -> str:
    """A password that an account called `name` may have, as it is hashed.

    Raises `BadPassword`: too short or long, with a control character, or notoriously common.
    """
    password = opaque(PASSWORD.check(text))
    if password is None:
        raise BadPassword(
            "a password holds no control characters; use letters, digits, marks and spaces"
        )
    if len(password) < MIN_PASSWORD:
        raise BadPassword(
            f"a password has at least {MIN_PASSWORD} characters; choose a longer one, say a few "
            "words"
        )
    if _is_common(password, name):
        raise BadPassword(
            "that password is among the first that anybody would try; choose another, say a few "
            "words"
        )
    return password


def opaque(text: str) -> str | None:
    """The normal form of a password; None: the text cannot be a password.  The caller has compared
    `text` with its bound.
    """
    try:
        return str(_opaque.enforce(text))
    except UnicodeError:
        return None


def _is_common(password: str, name: str) -> bool:
    folded = unicodedata.normalize("NFKC", password).casefold()
    found = _SUFFIX.fullmatch(folded)
    words = {folded, *([found[1]] if found else [])}
    if not _NOTORIOUS.isdisjoint(words) or (name and name_key(name) in words):
        return True
    return len(set(folded)) <= 2 or _is_run(folded)


def _is_run(text: str) -> bool:
    """Whether a text is a run of neighbours on the keyboard, forwards or backwards."""
    return any(text in run or text in run[::-1] for run in _RUNS)
