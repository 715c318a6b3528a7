"""The page's display: history, unread counts, notifications, links, and accessibility."""

import re
from datetime import datetime, timedelta
from typing import Literal

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import BrowserContext, Route, expect

from ..kit.processes import Netcat
from .people import NARROW, WIDE, People
from .server import Server
from .waiting import until

HOSTILE = [
    "<img src=x onerror=\"document.title='broken'\"><script>document.title=1</script>",
    "javascript:alert(1) and [x](javascript:alert(1))",
    "data:text/html,<script>alert(1)</script>",
    "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 (hello) " * 8,
    *[
        "Z" + "\u0351" * 2047,
        "\u0334" * 2048,
    ],  # rows of combining marks, as long as a message may be
    "W" * 4096,
    "\ufdfd" * 40,
]
SCROLL_UP = """() => {
  document.querySelector("#scroll").scrollTop = 300;
  const box = document.querySelector("#scroll").getBoundingClientRect();
  const all = [...document.querySelectorAll("#log .text")];
  window.topmost = all.find(text => text.getBoundingClientRect().top >= box.top);
  return topmost.getBoundingClientRect().top;
}"""


def post_many(shared_server: Server, room: str, texts: list[str]) -> None:
    """Have a line client send many messages, faster than a page could."""
    flood = Netcat(shared_server.line)
    flood.say("/nick flood")
    flood.say(f"/join {room}")
    flood.say("\r\n".join([*texts, "the end"]))
    flood.hear("the end")
    flood.close()


def test_loading_history_keeps_the_scroll_position(people: People, shared_server: Server):
    """While a thousand messages are loaded by scrolling up."""
    post_many(shared_server, "long", [f"message {n}" for n in range(1000)])
    ada = people.come(shared_server.url, "ada", room="long")
    ada.sees("the end")
    rows = ada.log.locator(".message")
    jumps = []
    while ada.said("message 0").count() == 0:
        before = rows.count()
        place = ada.page.evaluate(SCROLL_UP)
        until(
            ada.page,
            "count => document.querySelectorAll('#log .message').length > count",
            before,
        )
        jumps.append(ada.page.evaluate("topmost.getBoundingClientRect().top") - place)
    assert all(abs(jump) < 2 for jump in jumps), jumps
    assert rows.count() == 1001
    told = ada.texts()
    assert told == [*(f"message {n}" for n in range(1000)), "the end"]
    ada.page.evaluate("document.querySelector('#scroll').scrollTop = 0")
    expect(ada.page.get_by_text("This is where #long begins.")).to_be_in_viewport()
    ada.say("down again")
    bob = people.come(shared_server.url, "bob", room="long")
    bob.say("still there?")
    ada.page.get_by_role("button", name=re.compile("1 new message")).click()
    expect(ada.said("still there?")).to_be_in_viewport()


def test_event_that_arrives_just_after_scrolling_up_leaves_the_window_there(
    people: People, shared_server: Server
):
    """The browser reports the scroll only with the next frame, and the event arrives before it."""
    post_many(shared_server, "scrolled", [f"message {n}" for n in range(60)])
    ada = people.come(shared_server.url, "ada", room="scrolled")
    ada.sees("the end")
    until(ada.page, "() => document.querySelector('#scroll').scrollTop > 300")
    place = ada.page.evaluate(
        """async () => {
          const { Log } = await import("./log.js");
          const scroll = document.querySelector("#scroll");
          const log = new Log(() => ({ name: "ada", calls: () => false }), () => {}, () => {});
          log.toBottom();
          scroll.scrollTop = 300;
          log.append({ type: "message", id: 1, from: "bob", text: "hello", room: "scrolled",
            time: new Date().toISOString() });
          await new Promise(resolve => setTimeout(resolve));
          return scroll.scrollTop;
        }"""
    )
    assert place == 300


def test_history_that_could_not_be_loaded_is_asked_for_again(people: People, shared_server: Server):
    """Also when the user does not scroll again."""
    post_many(shared_server, "refused", [f"message {n}" for n in range(200)])
    failures = iter(["503", "network"])

    def refuse(route: Route) -> None:
        failure = next(failures, None)
        if failure == "503":
            error = {"error": {"code": "unavailable", "message": "later"}}
            route.fulfill(status=503, json=error)
        elif failure == "network":
            route.abort()
        else:
            route.continue_()

    ada = people.come(shared_server.url, "ada", room="lobby")
    ada.page.route(re.compile("/events[?]before="), refuse)
    ada.say("/join refused")
    ada.sees("the end")
    ada.page.evaluate(SCROLL_UP)
    expect(ada.said("message 120")).to_have_count(1)
    assert next(failures, None) is None


def test_hostile_texts_are_shown_as_text_and_fit_the_page(people: People, shared_server: Server):
    """Markup, links, marks and long words, in messages and topics."""
    mallory = people.come(shared_server.url, "mallory", room="hostile")
    ada = people.come(shared_server.url, "ada", room="hostile", size=NARROW)
    for number, text in enumerate(HOSTILE, 1):
        mallory.say(text)
        told = ada.log.locator(".message .text")
        expect(told).to_have_count(number)
        assert told.last.text_content() == text.strip()
        assert ada.fits(), text
        assert mallory.fits(), text
    expect(told.last).to_be_in_viewport()
    expect(ada.log.locator("img, script, a")).to_have_count(0)
    assert ada.page.title() == "#hostile"
    for number, text in enumerate(HOSTILE, 1):
        mallory.say(f"/topic {text[:120]}")
        expect(ada.log.locator(".topic")).to_have_count(number)
        assert ada.fits(), text
    ada.say("one can still talk")
    mallory.sees("one can still talk")


def test_links_are_safe(people: People, shared_server: Server):
    """Only web addresses are links, and they reveal no referrer."""
    ada = people.come(shared_server.url, "ada", room="links")
    ada.say("see (https://example.com/a?b=c), http://x.test. and ftp://no javascript:no")
    links = ada.log.get_by_role("link")
    expect(links).to_have_text(["https://example.com/a?b=c", "http://x.test"])
    assert "noopener" in (links.first.get_attribute("rel") or "")


def test_unread_messages_of_other_rooms_are_counted(people: People, shared_server: Server):
    """A line marks the first unread one when the room is opened."""
    ada = people.come(shared_server.url, "ada", room="here")
    bob = people.come(shared_server.url, "bob", room="there")
    bob.say("old")
    bob.sees("old")
    ada.box.fill("/join there")
    ada.box.press("Enter")
    ada.sees("old")
    rooms = ada.page.get_by_role("navigation", name="Rooms")
    rooms.get_by_role("link", name="#here").click()
    ada.is_in("#here")
    bob.say("news")
    bob.say("@ada, look")
    expect(rooms.get_by_role("link", name="#there 2 new")).to_be_visible()
    expect(ada.page).to_have_title("(2) #here")
    rooms.get_by_role("link", name="#there").click()
    expect(ada.log.locator(".line + .event")).to_contain_text("news")
    expect(ada.log.locator(".mention")).to_contain_text("@ada, look")
    expect(ada.page).to_have_title("#there")


def test_messages_from_history_are_not_shown_twice(people: People, shared_server: Server):
    """A joined room's history is loaded while its events arrive."""
    held: list[Route] = []
    looking = True

    def hold(route: Route) -> None:
        (held.append if looking else Route.continue_)(route)

    ada = people.come(shared_server.url, "ada", room="here", transport="poll")
    ada.page.route(re.compile(r"/events\?rooms=[^&]*elsewhere"), hold)
    bob = people.come(shared_server.url, "bob", room="elsewhere")
    bob.say("old")
    bob.sees("old")
    ada.box.fill("/join elsewhere")
    ada.box.press("Enter")
    ada.sees("old")
    looking = False
    held[-1].continue_()
    bob.say("new")
    ada.sees("new")
    ada.sees("old")


NOTIFICATIONS = """window.notified = [];
window.Notification = class {
  static permission = "default";
  static requestPermission = async () => (Notification.permission = "granted");
  constructor(title, { body }) { notified.push([title, body]); }
};
let hidden = false;
Object.defineProperty(document, "hidden", { get: () => hidden });
window.look = away => { hidden = away; document.dispatchEvent(new Event("visibilitychange")); };"""
"""A script that fakes notifications, and the visibility of the page."""


def test_hidden_page_notifies_of_mentions_and_private_messages(
    people: People, shared_server: Server
):
    """If the person turned notifications on; a line marks the first unread message."""
    ada = people.come(
        shared_server.url,
        "ada",
        room="bell",
        prepare=lambda context: context.add_init_script(NOTIFICATIONS),
    )
    bob = people.come(shared_server.url, "bob", room="bell")
    ada.is_connected_over("websocket")
    ada.page.evaluate("look(true)")
    bob.say("ada: before you wanted it")
    expect(ada.page).to_have_title("(1) #bell")
    ada.page.evaluate("look(false)")
    expect(ada.page).to_have_title("#bell")
    bell = ada.page.get_by_role("button", name="Notify me")
    bell.click()
    expect(bell).to_have_attribute("aria-pressed", "true")
    bob.say("ada: you look at this")
    ada.sees("ada: you look at this")
    ada.page.evaluate("look(true)")
    bob.say("nothing for adam")
    bob.say("but for Ada, yes")
    bob.say("/msg ada psst")
    expect(ada.page).to_have_title("(3) #bell")
    told = [["bob in #bell", "but for Ada, yes"], ["Private message from bob", "psst"]]
    assert ada.page.evaluate("notified") == told
    expect(ada.log.locator(".line + .event")).to_contain_text("nothing for adam")
    ada.page.evaluate("look(false)")
    expect(ada.page).to_have_title("(1) #bell")
    ada.opens_private_messages("bob")
    expect(ada.page).to_have_title("bob (private)")


UNFOCUSED = """let focused = true;
document.hasFocus = () => focused;
window.focusOn = on => { focused = on; dispatchEvent(new Event(on ? "focus" : "blur")); };"""


def test_visible_page_without_focus_notifies_and_counts_unread(
    people: People, shared_server: Server
):
    """A page that is visible but unused counts as not read."""

    def prepare(context: BrowserContext) -> None:
        context.add_init_script(NOTIFICATIONS)
        context.add_init_script(UNFOCUSED)

    ada = people.come(shared_server.url, "ada", room="focus", prepare=prepare)
    bob = people.come(shared_server.url, "bob", room="focus")
    ada.page.get_by_role("button", name="Notify me").click()
    ada.page.evaluate("focusOn(false)")
    bob.say("ada, over here")
    expect(ada.page).to_have_title("(1) #focus")
    assert ada.page.evaluate("notified") == [["bob in #focus", "ada, over here"]]
    ada.page.evaluate("focusOn(true)")
    expect(ada.page).to_have_title("#focus")


def test_failing_notifications_are_reported_and_turned_off(people: People, shared_server: Server):
    """`new Notification` throws on Android."""

    def prepare(context: BrowserContext) -> None:
        context.add_init_script(NOTIFICATIONS)
        context.add_init_script(
            "window.Notification = class extends Notification { constructor() { super('', {}); "
            "throw new TypeError('Illegal constructor'); } }"
        )

    ada = people.come(shared_server.url, "ada", room="android", prepare=prepare)
    bob = people.come(shared_server.url, "bob", room="android")
    bell = ada.page.get_by_role("button", name="Notify me")
    bell.click()
    expect(bell).to_have_attribute("aria-pressed", "true")
    ada.page.evaluate("look(true)")
    bob.say("ada?")
    expect(ada.page.get_by_role("alert")).to_contain_text("no notifications")
    expect(bell).to_be_hidden()


def test_copied_text_has_names_times_and_texts_only(people: People, shared_server: Server):
    """No letters of avatars, and no hidden text."""
    ada = people.come(shared_server.url, "ada", room="copy")
    for text in ("one", "two"):
        ada.say(text)
        ada.sees(text)
    copied = ada.page.evaluate(
        "getSelection().selectAllChildren(document.querySelector('#log')), `${getSelection()}`"
    )
    lines = [line for line in copied.splitlines() if line]
    assert [re.sub(r"\d+:\d\d.*", "", line) for line in lines[-4:]] == ["ada", "", "one", "two"]
    assert "A" not in lines


def test_gap_and_date_lines_are_shown_in_place(people: People, shared_server: Server):
    """A gap can be loaded with a click; a new day has its date above it."""
    ada = people.come(shared_server.url, "ada", room="gaps")
    ada.is_connected_over("websocket")
    ada.say("before")
    ada.sees("before")

    def forget(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, json=response.json() | {"gap": True})

    ada.page.route("**/events?*wait=0*", forget, times=1)
    ada.page.evaluate("dispatchEvent(new Event('online'))")
    expect(ada.log.locator(".gap .text")).to_have_text("Some of what happened here was missed.")
    ada.say("after")
    ada.sees("after")
    expect(ada.log.locator(".gap + .message")).to_contain_text("after")
    ada.say("/help")  # a remark that is only on this page
    ada.page.get_by_role("button", name="Read it now").click()
    expect(ada.log.locator(".message .text")).to_have_text(["before", "after"])
    expect(ada.log.locator(".gap")).to_have_count(0)
    ada.page.clock.install(time=datetime.now() + timedelta(days=2))
    ada.page.reload()
    ada.sees("after")
    expect(ada.log.locator(".day").first).to_contain_text(f"{datetime.now():%Y}")
    expect(ada.log.locator("time").last).to_have_text(re.compile(r"\d:\d\d"))


def test_page_can_be_used_by_keyboard_alone(people: People, shared_server: Server):
    """A name, several lines, completion of commands, and other rooms."""
    ada = people.come(shared_server.url, room="keys")
    ada.name_box.focus()
    keys = ada.page.keyboard
    keys.type("ada")
    keys.press("Tab")
    keys.type("one")
    keys.press("Shift+Enter")
    keys.type("two")
    keys.press("Enter")
    ada.sees("one two")
    keys.type("/m")
    expect(ada.page.get_by_role("option")).to_contain_text(["/me", "/msg", "/mute"])
    keys.press("Tab")
    keys.type("waves")
    keys.press("Enter")
    expect(ada.log.locator(".action")).to_contain_text("ada waves")
    keys.type("/help")
    keys.press("Enter")
    expect(ada.log.locator(".help")).to_contain_text("/msg NAME TEXT")
    keys.press("Alt+ArrowUp")
    ada.is_in("#lobby")


def test_page_is_accessible(people: People, shared_server: Server):
    """axe-core finds no violation, wide and narrow, light and dark."""
    # The page's content security policy would block axe.
    ada = people.come(shared_server.url, "ada", room="axe", bypass_csp=True)
    bob = people.come(shared_server.url, "bob", room="axe")
    bob.say("hello ada, see https://example.com/")
    bob.say("and again")
    ada.say("hello bob")
    ada.say("/me waves")
    bob.say("/me nods")
    bob.say("/msg ada psst")
    bob.is_in("ada")
    bob.goes_to("axe")
    bob.say("/topic what it is about")
    ada.say("/help")
    expect(ada.page.locator("#topic")).to_have_text("what it is about")
    ada.opens_private_messages("bob")
    ada.sees("psst")
    assert Axe().run(ada.page).violations_count == 0
    ada.goes_to("axe")
    ada.say("/nope")
    expect(ada.page.get_by_role("alert")).to_be_visible()
    schemes: list[Literal["light", "dark"]] = ["light", "dark"]
    for size, scheme in zip((WIDE, NARROW), schemes, strict=True):
        ada.page.set_viewport_size({"width": size[0], "height": size[1]})
        ada.page.emulate_media(color_scheme=scheme)
        ada.box.fill("/")
        expect(ada.page.get_by_role("option").first).to_be_visible()
        found = Axe().run(ada.page)
        assert found.violations_count == 0, found.generate_report()
        people.shoot(ada, f"{size[0]}-{scheme}")
    ada.box.fill("")
    ada.page.get_by_role("button", name="Rooms and people").click()
    expect(ada.page.get_by_role("navigation", name="Rooms")).to_be_visible()
    found = Axe().run(ada.page)
    assert found.violations_count == 0, found.generate_report()
    people.shoot(ada, "menu")
