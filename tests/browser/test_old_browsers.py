"""The page works in Chrome 109, Firefox 115 and Safari 16, and uses nothing newer."""

import re

from playwright.sync_api import BrowserContext, expect

from chatd.doors.api.page import WEB

from .people import People
from .server import Server

NEWER = """
delete URL.canParse; delete URL.parse; delete AbortSignal.any; delete AbortSignal.timeout;
delete Promise.withResolvers; delete Promise.try; delete Array.fromAsync;
delete Object.groupBy; delete Map.groupBy; delete RegExp.escape; delete crypto.randomUUID;
for (const name of ["toSorted", "toReversed", "toSpliced", "with"]) delete Array.prototype[name];
for (const name of ["union", "difference", "intersection", "symmetricDifference", "isSubsetOf",
  "isSupersetOf", "isDisjointFrom"]) delete Set.prototype[name];
for (const name of ["map", "filter", "take", "drop", "flatMap", "toArray", "some", "every", "find",
  "forEach", "reduce"]) delete Iterator.prototype[name];
delete String.prototype.isWellFormed; delete String.prototype.toWellFormed;
delete Intl.Segmenter; delete Element.prototype.setHTMLUnsafe; delete Element.prototype.moveBefore;
delete Element.prototype.checkVisibility; delete Document.prototype.startViewTransition;
delete ReadableStream.prototype[Symbol.asyncIterator]; delete Uint8Array.fromBase64;
for (const name of Object.getOwnPropertyNames(Element.prototype)) {
  if (/^aria[A-Z]|^role$/.test(name)) delete Element.prototype[name];
}
window.RegExp = new Proxy(RegExp, { construct(target, [pattern, flags], self) {
  if (/\\(\\?<[=!]/.test(pattern) || /v/.test(flags ?? "")) throw new SyntaxError("too new");
  return Reflect.construct(target, [pattern, flags], self);
} });
"""
"""A script that removes what Chrome 110, Firefox 116, Safari 16.4 and later added."""


def test_page_works_without_newer_apis(people: People, shared_server: Server):
    """Sending, links, mentions, private messages, tabs and completion."""

    def prepare(context: BrowserContext) -> None:
        context.add_init_script(NEWER)

    ada = people.come(shared_server.url, "ada", room="old", prepare=prepare)
    bob = people.come(shared_server.url, "bob", room="old", prepare=prepare)
    ada.is_connected_over("websocket")
    ada.say("see https://example.com/ bob")
    for person in (ada, bob):
        expect(person.log.get_by_role("link", name="https://example.com/")).to_be_visible()
    expect(bob.log.locator(".mention")).to_have_count(1)
    bob.say("/msg ada psst")
    ada.opens_private_messages("bob")
    ada.sees("psst")
    second = people.open_tab(ada, shared_server.url, room="old")
    second.say("/topic a topic")
    expect(second.page.locator("#topic")).to_have_text("a topic")
    second.box.fill("/")
    option = second.page.get_by_role("option").first
    expect(option).to_be_visible()
    second.box.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    second.page.reload()
    expect(second.name_box).to_have_value("ada")
    second.is_connected_over("websocket")


def test_scripts_have_no_newer_syntax():
    """Look-behind is a syntax error in Safari before 16.4, which cannot be detected at run time."""
    for path in WEB.glob("*.js"):
        assert not re.search(r"\(\?<[=!]|/[dgimsuy]*v[dgimsuy]*[;,.)]", path.read_text()), path
