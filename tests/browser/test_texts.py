"""Links and mentions in texts."""

import pytest
from playwright.sync_api import Browser, expect

from .modules import Modules, modules
from .people import People
from .server import Server

LINKS = [
    # balanced brackets belong to an address, others end it
    ("https://en.wikipedia.org/wiki/Mercury_(planet)", ["https://en.wikipedia.org/wiki/Mercury_(planet)"]),
    ("(https://x.test/a_(b)).", ["https://x.test/a_(b)"]),
    ("[a](https://x.test/a),b", ["https://x.test/a"]),
    ("[https://x.test/a]", ["https://x.test/a"]),
    ("{https://x.test/{a}}", ["https://x.test/{a}"]),
    ("http://[::1]:8080/a", ["http://[::1]:8080/a"]),
    ("https://x.test/a(", ["https://x.test/a"]),
    # CJK and typographic punctuation, and spaces of any width
    ("https://example.com/a。谢谢", ["https://example.com/a"]),
    ("看https://example.com/a，好", ["https://example.com/a"]),
    ("「https://例え.jp/あ」です", ["https://例え.jp/あ"]),
    ("（https://example.com/a）", ["https://example.com/a"]),
    ("“https://example.com/a”", ["https://example.com/a"]),
    ("https://example.com/a\u3000b", ["https://example.com/a"]),
    ("https://zh.wikipedia.org/wiki/维基百科", ["https://zh.wikipedia.org/wiki/维基百科"]),
    # markup
    ("**https://example.com/**", ["https://example.com/"]),
    ("**see https://example.com/** now", ["https://example.com/"]),
    ("_https://example.com/a_b_", ["https://example.com/a_b"]),
    ("_see https://example.com/a_ now", ["https://example.com/a"]),
    ("~~https://example.com/a~~ now", ["https://example.com/a"]),
    ("`https://example.com/a`", ["https://example.com/a"]),
    ("<https://example.com/a>", ["https://example.com/a"]),
    ('"https://example.com/a"', ["https://example.com/a"]),
    ("https://example.com/~ada/_x_", ["https://example.com/~ada/_x_"]),
    # sentences
    ("https://x.test/a?b, http://x.test.", ["https://x.test/a?b", "http://x.test"]),
    # not HTTP addresses
    ("https:// xhttps://x.test ftp://x.test javascript:x", []),
]  # fmt: skip
MENTIONS = [
    ("@明你好", "明", True),
    ("你好明", "明", True),
    ("你好ada吗", "ada", True),
    ("ada님 안녕", "ada", True),
    ("ถามada", "ada", True),
    ("hi Ada!", "ada", True),
    ("adam and ada", "ada", True),
    ("a.b: hi", "a.b", True),
    ("a|b^c[d]{e} hi", "a|b^c[d]{e}", True),
    ("x-y, hi", "x-y", True),
    ("adam", "ada", False),
    ("_ada", "ada", False),
    ("ada-b", "ada", False),
    ("axb", "a.b", False),
    ("𝒳ada", "ada", False),
    ("a\u0301da", "da", False),
    ("anything", "", False),
]


@pytest.fixture(scope="module")
def texts(browser: Browser, modules_server: Server):
    """The module `texts.js`."""
    with modules(browser, modules_server) as found:
        yield found


@pytest.mark.parametrize(("text", "links"), LINKS)
def test_link_excludes_surrounding_punctuation_and_markup(
    texts: Modules, text: str, links: list[str]
):
    """Balanced brackets belong to it; no character of the text is lost."""
    parts = texts.call("texts.js", "split", text)
    assert parts[1::2] == links
    assert "".join(parts) == text


@pytest.mark.parametrize(("text", "name", "mentioned"), MENTIONS)
def test_mention_is_a_whole_word(texts: Modules, text: str, name: str, mentioned: bool):
    """Words end at spaces and punctuation; in scripts without spaces, at every character."""
    assert texts.call("texts.js", "mentions", text, name) is mentioned


@pytest.mark.parametrize("part", ["(", "_)(~*", "**", "||https://", "[", "https://x"])
def test_splitting_a_long_text_takes_linear_time(texts: Modules, part: str):
    """With 4 kB of brackets or markup."""
    text = f"https://x.test/{part * (4096 // len(part))}"
    assert "".join(texts.call("texts.js", "split", text)) == text


def test_mention_in_chinese_is_marked(people: People, shared_server: Server):
    """`@明你好` mentions a person called 明."""
    ming = people.come(shared_server.url, "明", room="cjk")
    bob = people.come(shared_server.url, "bob", room="cjk")
    bob.say("@明你好")
    expect(ming.log.locator(".mention")).to_contain_text("@明你好")
