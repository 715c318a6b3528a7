"""The words of the page: catalogues, from which every shown text comes."""

import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Route, expect

from chatd.doors.api.page import WEB

from .accessibility import violations
from .modules import modules
from .people import NARROW, People
from .server import Server

LANGUAGES = sorted(path.stem.removeprefix("words-") for path in WEB.glob("words-*.js"))
LIBRARY = {"chat.js", "errors.js", "server.js", "transports.js", "identity.js", "emoji.js"}
"""Scripts whose strings the page does not show: it words errors by their codes."""
SENTENCE = re.compile(r'["`][A-Z][a-z]+(?: [^"`]*)?[a-z.…]["`]')
SPELT = {"Content-Type", "Accept", "Retry-After", "Authorization", "Notification", "Enter", "Tab"}


@pytest.fixture(scope="module")
def catalogues(browser: Any, modules_server: Server):
    """Every catalogue as its texts by their keys; a plural is a dict."""
    with modules(browser, modules_server) as scripts:
        yield {
            code: scripts._page.evaluate(
                "async name => (await import(name)).WORDS", f"/words-{code}.js"
            )
            for code in LANGUAGES
        }


def values(text: Any) -> set[str]:
    """The names of the values in a text, or in all forms of one that has a plural."""
    forms = text.values() if isinstance(text, dict) else [text]
    return {name for form in forms for name in re.findall(r"\{(\w+)\}", form)}


@pytest.mark.parametrize("code", LANGUAGES)
def test_catalogues_have_the_same_keys_and_values(catalogues: dict[str, Any], code: str):
    """And a text for each key; a plural is a plural in all, and may omit its number."""
    english, other = catalogues["en"], catalogues[code]
    assert other.keys() == english.keys()
    for key, text in english.items():
        assert isinstance(other[key], dict) == isinstance(text, dict), key
        assert values(other[key]) <= values(text) | {"n"}, key
        assert values(text) - {"n"} <= values(other[key]) | {"n"} or not text, key
        if code != "en":
            assert other[key], key


def test_every_catalogue_is_a_language_of_the_page():
    """And every language of the page has a catalogue."""
    listed = re.findall(r'\["(\w\w)", "', (WEB / "words.js").read_text())
    assert sorted(listed) == LANGUAGES


def test_static_texts_equal_the_english_catalogue(catalogues: dict[str, Any]):
    """So the page is readable before its scripts are loaded."""
    html = (WEB / "index.html").read_text()
    for key, text in re.findall(r'data-t="([\w.-]+)"[^>]*>([^<]*)<', html):
        assert catalogues["en"][key] == text
    for key, text in re.findall(r'data-label="([\w.-]+)"[^>]*? aria-label="([^"]*)"', html):
        assert catalogues["en"][key] == text


@pytest.mark.parametrize(
    "path",
    [
        one
        for one in WEB.glob("*.js")
        if not one.name.startswith("words") and one.name not in LIBRARY
    ],
    ids=lambda path: path.name,
)
def test_scripts_hold_no_sentences(path: Any):
    """All texts for users are in the catalogues."""
    code = re.sub(r"/\*\*.*?\*/|^\s*//.*$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    found = [one for one in SENTENCE.findall(code) if " " in one]
    assert not found


MARKED = """const en = (await import("./words-en.js")).WORDS;
const mark = text => typeof text === "string"
  ? "⟦" + text.replace(/[^{}]+(?![^{]*\\})/g, "") + "⟧" : { other: mark(text.other) };
export const WORDS = Object.fromEntries(
  Object.entries(en).map(([key, text]) => [key, text ? mark(text) : "⟦⟧"]));
"""
"""A catalogue in which each text is only brackets around its values."""
UNMARKED = """() => {
  const found = [];
  const skip = "script, style, noscript, time, bdi, code, .text, .face, .mark, option, svg";
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode()); ) {
    if (node.parentElement.closest(skip)) continue;
    found.push(node.data);
  }
  for (const one of document.querySelectorAll("[aria-label], [title], [placeholder]")) {
    for (const name of ["aria-label", "title", "placeholder"]) {
      if (one.closest("time, .event")) continue;
      found.push(one.getAttribute(name) ?? "");
    }
  }
  const rooms = ["#lobby", "#marked"];
  const left = text => (rooms.includes(text) ? "" : text.replace(/⟦[^⟧]*⟧/gu, ""));
  return found.filter(text => /\\p{L}/u.test(left(text)));
}"""


def test_everything_shown_comes_from_the_catalogue(people: People, shared_server: Server):
    """The frame of the page, its menus and dialogs."""

    def answer(route: Route) -> None:
        route.fulfill(body=MARKED, content_type="text/javascript")

    def prepare(context: BrowserContext) -> None:
        context.route("**/words-de.js", answer)

    ada = people.come(
        shared_server.url, room="marked", prepare=prepare, locale="de-DE", bypass_csp=True
    )
    ada.is_connected_over("websocket")
    expect(ada.page.locator("#empty dl")).to_be_visible()
    assert ada.page.evaluate(UNMARKED) == []
    for button in ("#account", "#room-menu"):
        ada.page.locator(button).click()
        expect(ada.page.locator(".popup button").first).to_be_visible()
        assert ada.page.evaluate(UNMARKED) == []
        items = ada.page.locator(".popup button").count()
        ada.page.keyboard.press("Escape")
        for item in range(items - 1):
            ada.page.locator(button).click()
            ada.page.locator(".popup button").nth(item).click()
            expect(ada.page.locator("dialog[open]")).to_be_visible()
            left = ada.page.evaluate(UNMARKED)
            assert [text for text in left if "marked" not in text and "nc " not in text] == []
            ada.page.keyboard.press("Escape")
            expect(ada.page.locator("dialog[open]")).to_have_count(0)


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])
def test_page_speaks_the_language_of_the_browser(people: People, shared_server: Server, code: str):
    """Dates, too; the page fits a phone and a wide window, and axe finds no fault.

    `test_states.py` looks at more states on a phone, in Arabic.
    """
    ada = people.come(
        shared_server.url, room="tongues", locale=code, size=NARROW, dark=True, bypass_csp=True
    )
    html = ada.page.locator("html")
    expect(html).to_have_attribute("lang", code)
    expect(html).to_have_attribute("dir", "rtl" if code == "ar" else "ltr")
    ada.is_connected_over("websocket")
    expect(ada.page.locator("#send")).not_to_have_text("Send")
    wide = "[...document.querySelectorAll('body *')].filter(one => one.scrollWidth > innerWidth)"
    excess = f"{wide}.map(one => one.outerHTML.slice(0, 99))"
    assert ada.fits(), ada.page.evaluate(excess)
    people.shoot(ada, "narrow")
    ada.page.locator("#menu").click()
    expect(ada.page.locator("#rooms")).to_be_visible()
    assert ada.fits(), ada.page.evaluate(excess)
    ada.page.keyboard.press("Escape")
    ada.page.set_viewport_size({"width": 1280, "height": 800})
    assert ada.fits(), ada.page.evaluate(excess)
    assert violations(ada.page) == []
    people.shoot(ada, "wide")


def test_language_is_chosen_in_the_menu(people: People, shared_server: Server):
    """The choice is kept over a reload."""
    ada = people.come(shared_server.url, "ada", room="chosen")
    ada.chooses("You", "Language…")
    ada.page.get_by_label("The page speaks").select_option("Deutsch")
    with ada.begins_anew():
        ada.page.get_by_role("button", name="Save").click()
    expect(ada.page.get_by_role("button", name="Senden", exact=True)).to_be_visible()
    ada.page.reload()
    expect(ada.page.get_by_role("button", name="Senden", exact=True)).to_be_visible()
