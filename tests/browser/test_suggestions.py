"""What the message box suggests while a text is being typed."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from .modules import Modules, modules
from .people import People
from .server import Server

PEOPLE = ["bella", "Benno", "明"]
JOINED = ["lobby", "bakery"]
OTHERS = ["barn", "books"]


@pytest.fixture(scope="module")
def scripts(browser: Browser, modules_server: Server) -> Iterator[Modules]:
    """The modules of the page, without the page."""
    with modules(browser, modules_server) as scripts:
        yield scripts


SUGGESTED: list[tuple[str, list[str]]] = [
    # people
    ("hi @be", ["hi @bella ", "hi @Benno "]),
    ("(@bel", ["(@bella "]),
    ("你好@明", ["你好@明 "]),
    ("mail ada@be", []),
    # rooms, those that one is in and those that one may join
    ("see #ba", ["see #bakery ", "see #barn "]),
    ("#", ["#bakery ", "#barn ", "#books ", "#lobby "]),
    ("https://x.test/#ba", []),
    ("issue#ba", []),
    ("/join #ba", ["/join #barn"]),
    ("/leave ba", ["/leave bakery"]),
    # commands, and whom they are about
    ("/ki", ["/kick "]),
    ("/un", ["/unignore ", "/unban ", "/unmute "]),
    ("/ban be", ["/ban bella ", "/ban Benno "]),
    ("/invite @be", ["/invite @bella ", "/invite @Benno "]),
    ("/slow be", []),
    # emoji by their names
    ("yes :tad", ["yes 🎉 "]),
    ("(:TADA", ["(🎉 "]),
    (":rocket:", []),
    ("yes :t", []),
    ("at 12:30", []),
    ("http:ok", []),
    (":) :D", []),
]
"""Texts before the cursor, and what they become."""


@pytest.mark.parametrize(("text", "become"), SUGGESTED)
def test_mark_before_a_word_suggests_names_rooms_and_emoji(
    scripts: Modules, text: str, become: list[str]
):
    """But not the same character within a word or an address."""
    known = {"people": PEOPLE, "joined": JOINED, "others": OTHERS}
    found: Any = scripts.call("suggestions.js", "waysOn", text, "", known, False)
    assert [hint["text"] for hint in found] == become


def test_text_after_the_cursor_stays(scripts: Modules):
    """The suggestion goes between what stands on both sides."""
    known = {"people": PEOPLE, "joined": JOINED, "others": OTHERS}
    (found,) = scripts.call("suggestions.js", "waysOn", "a #bak", "b", known, False)
    assert found["text"] == "a #bakery b"


def test_rooms_and_emoji_are_suggested_by_keyboard(people: People, shared_server: Server):
    """In a listbox that says how many there are and which one is chosen; Escape closes it."""
    ada = people.come(shared_server.url, "ada", room="hashes-and-colons")
    ada.is_connected_over("websocket")
    keys, options = ada.page.keyboard, ada.page.get_by_role("option")
    ada.box.focus()
    keys.type("come to #hashes")
    expect(options).to_have_text(["#hashes-and-colons"])
    expect(ada.page.locator("#hints + [role=status]")).to_have_text("1 suggestion")
    keys.press("Tab")
    expect(ada.box).to_have_value("come to #hashes-and-colons ")
    keys.type(":rain")
    expect(options.nth(1)).to_have_text("🌈 :rainbow:")
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    chosen = ada.page.locator("[role=option][aria-selected=true]")
    expect(chosen).to_have_text("🌈 :rainbow:")
    identity = chosen.get_attribute("id")
    assert identity
    expect(ada.box).to_have_attribute("aria-activedescendant", identity)
    keys.press("Enter")
    expect(ada.box).to_have_value("come to #hashes-and-colons 🌈 ")
    keys.type(":ta")
    expect(options).not_to_have_count(0)
    keys.press("Escape")
    expect(options).to_have_count(0)
    expect(ada.page.locator("#hints + [role=status]")).to_be_empty()
    expect(ada.box).to_be_focused()
    keys.press("Enter")
    ada.sees("come to #hashes-and-colons 🌈 :ta")
