"""Markup in messages: how it is found, shown and copied."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from playwright.sync_api import Browser, expect

from .modules import Modules, modules
from .people import People
from .server import Server


@pytest.fixture(scope="module")
def markup(browser: Browser, modules_server: Server):
    """The module `markup.js`."""
    with modules(browser, modules_server) as found:
        yield found


def short(part: Any) -> Any:
    """A part in short: a text, or its kind with its contents."""
    if isinstance(part, str):
        return part
    kind = part["kind"]
    if kind == "quote":
        return (kind, *[[*map(short, inside)] for _, inside in part["lines"]])
    return (kind, *map(short, part["inside"])) if "inside" in part else (kind, part["text"])


def written(part: Any) -> str:
    """The characters of a part."""
    if isinstance(part, str):
        return part
    if part["kind"] == "quote":
        lines = "\n".join(mark + "".join(map(written, inside)) for mark, inside in part["lines"])
        return str(part["before"] + lines + part["after"])
    if "inside" in part:
        return str(part["open"] + "".join(map(written, part["inside"])) + part["close"])
    ends = ("open", "close") if part["kind"] == "code" else ("before", "after")
    return str(part.get(ends[0], "") + part["text"] + part.get(ends[1], ""))


FOUND = [
    ("a **b** c", ["a ", ("strong", "b"), " c"]),
    ("*a* _b_", [("em", "a"), " ", ("em", "b")]),
    ("***a*** b", [("strong", ("em", "a")), " b"]),
    ("**a *b* c**", [("strong", "a ", ("em", "b"), " c")]),
    ("看**这里**吧", ["看", ("strong", "这里"), "吧"]),
    ("snake_case_name 2*3*4 2 * 3 * 4", ["snake_case_name 2*3*4 2 * 3 * 4"]),
    ("__init__ **** ** *", ["__init__ **** ** *"]),
    ("**not closed\nhere**", ["**not closed\nhere**"]),
    ("a `*b*` c", ["a ", ("code", "*b*"), " c"]),
    ("``a`b`` and `", [("code", "a`b"), " and `"]),
    ("*https://x.test/a_b*", [("em", ("link", "https://x.test/a_b"))]),
    ("**https://x.test/**", [("strong", ("link", "https://x.test/"))]),
    ("at 12:30:45 :tada: now", ["at 12", ("emoji", ":30:"), "45 ", ("emoji", ":tada:"), " now"]),
    ("a\n```js\nx = *1*\n```\nb", ["a", ("block", "x = *1*"), "b"]),
    ("~~~\na\n```\nb\n~~~", [("block", "a\n```\nb")]),
    ("```\nnot closed", [("block", "not closed")]),
    ("``` a ``` b", [("code", " a "), " b"]),
    ("so:\n\n    x\n\n\ty\n\nthen", ["so:\n", ("block", "    x\n\n\ty"), "\nthen"]),
    ("def f():\n    return 1", ["def f():\n    return 1"]),
    ("> a *b*\n> c\nd", [("quote", ["a ", ("em", "b")], ["c"]), "d"]),
    ("- one\n- two\n1. three", ["- one\n- two\n1. three"]),
    (":-> and >_<", [":-> and >_<"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "parts"), FOUND)
def test_markup_is_found(markup: Modules, text: str, parts: list[Any]):
    """A small Markdown, in which identifiers and products keep their underscores and stars."""
    found = markup.call("markup.js", "partsOf", text)
    assert [short(part) for part in found] == parts
    assert "".join(map(written, found)) == text


@given(
    some.lists(
        some.sampled_from(
            ["*", "**", "_", "`", "``", "```", "~~~", "\n", "    ", "\t", "> ", " ", "a", "b c",
             "https://x.test/", ":tada:", "明", "\u0301", "(", "😀"]
        ),
        max_size=24,
    ).map("".join)
)  # fmt: skip
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_character_of_a_text_is_lost(markup: Modules, text: str):
    """For any marks: the shown and the hidden parts together are the text."""
    assert "".join(map(written, markup.call("markup.js", "partsOf", text))) == text


COPY = """selector => {
  const place = document.querySelector(selector);
  getSelection().selectAllChildren(place);
  const clipboardData = new DataTransfer();
  place.dispatchEvent(
    new ClipboardEvent("copy", { clipboardData, bubbles: true, cancelable: true }));
  return clipboardData.getData("text/plain");
}"""
"""Select and copy what is in an element; returns what the page puts on the clipboard."""


def test_formatted_messages_are_shown_and_copied_as_written(people: People, shared_server: Server):
    """Marks are hidden, tabs and spaces stay, and a copied text has the marks."""
    ada = people.come(shared_server.url, "ada", room="markup", permissions=["clipboard-read"])
    text = "look: **bold** `a  b` :tada:\n```py\nif x:\n\treturn  1\n```\n> quoted"
    ada.box.fill(text)
    ada.box.press("Enter")
    shown = ada.log.locator(".message .text").last
    expect(shown.locator("strong")).to_have_text("**bold**")
    assert shown.locator("strong").inner_text() == "bold"
    assert shown.text_content() == text
    assert shown.locator("pre").inner_text() == "if x:\n\treturn  1"
    expect(shown.locator("blockquote")).to_be_visible()
    assert shown.inner_text().startswith("look: bold a  b")
    assert ada.page.evaluate(COPY, "#log .message:last-child .text") == text
    whole = ada.page.evaluate(COPY, "#log")
    assert whole.endswith(text)
    assert "\nada " in whole


def test_code_scrolls_within_the_page_and_a_button_copies_it(people: People, shared_server: Server):
    """A long line does not widen its row."""
    ada = people.come(shared_server.url, "ada", room="code", size=(390, 700))
    ada.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    code = "x = " + "long_name + " * 40 + "1"
    ada.say(f"```\n{code}\n```")
    pre = ada.log.locator("pre")
    expect(pre).to_have_text(code)
    assert pre.evaluate("pre => pre.scrollWidth > pre.clientWidth + 100")
    assert ada.fits()
    button = ada.page.get_by_role("button", name="Copy the code")
    button.focus()
    button.press("Enter")
    expect(button).to_have_attribute("data-word", "Copied")
    assert ada.page.evaluate("navigator.clipboard.readText()") == code
    people.shoot(ada, "code")
