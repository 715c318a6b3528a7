"""Ten thousand messages and three hundred rooms: the work that one more of them makes."""

import json
from typing import Any
from urllib.request import Request, urlopen

from playwright.sync_api import Browser, expect

from ..kit.processes import Netcat
from .people import People
from .server import Server

FEED = """async () => {
  const { Log } = await import("./log.js");
  const log = new Log(() => ({ name: "ada", calls: () => false }), () => {}, () => {});
  const at = n => new Date(1.7e12 + n * 6e4).toISOString();
  const one = n => ({ type: "message", id: n + 1, from: `p${n % 7}`, room: "ten-thousand",
    text: `message ${n} with **some** words`, time: at(n) });
  const many = (from, to) => Array.from({ length: to - from }, (_, place) => one(from + place));
  window.feed = { log, one, many };
  log.show(many(9900, 10000));
  document.querySelector("#scroll").scrollTop = 2000;
  for (let from = 9800; from >= 100; from -= 100) log.prepend(many(from, from + 100));
}"""
"""Shows all but the first hundred of ten thousand messages, in pages as they are loaded."""
SCROLL = """async () => {
  const { log, many, one } = window.feed;
  const scroll = document.querySelector("#scroll");
  const frame = () => new Promise(resolve => requestAnimationFrame(resolve));
  const row = [...document.querySelectorAll("#log .message")][20];
  row.scrollIntoView();
  await frame();
  const before = row.getBoundingClientRect().top;
  log.prepend(many(0, 100));
  const moved = row.getBoundingClientRect().top - before;
  for (let step = 0; step < 20; step++) {
    scroll.scrollBy(0, 3000);
    await frame();
  }
  log.append(one(10000));
  log.redraw(5000);
  await frame();
  return moved;
}"""
"""Loads the last page, scrolls, and shows one more message; how far the window moved by that."""
CATEGORIES = ["devtools.timeline"]


def test_page_of_messages_beside_ten_thousand_costs_only_its_own_layout(
    people: People, browser: Browser, shared_server: Server
):
    """In each frame far fewer boxes are laid out than there are; no text is taken away for that."""
    ada = people.come(shared_server.url, "ada", room="ten-thousand")
    ada.is_connected_over("websocket")
    expect(ada.page.locator("#empty dl")).to_be_visible()
    ada.page.evaluate(FEED)
    browser.start_tracing(page=ada.page, categories=CATEGORIES)
    moved = ada.page.evaluate(SCROLL)
    trace: dict[str, Any] = json.loads(browser.stop_tracing())
    assert abs(moved) < 2
    layouts = [
        event["args"]["beginData"]
        for event in trace["traceEvents"]
        if event["name"] == "Layout" and "dirtyObjects" in event["args"].get("beginData", {})
    ]
    total = max(layout["totalObjects"] for layout in layouts)
    dirty = max(layout["dirtyObjects"] for layout in layouts)
    assert total > 50_000
    assert dirty < total / 10, (dirty, total)
    rows = ada.log.locator(".message")
    assert rows.count() == 10_001
    assert ada.page.evaluate("[...document.querySelectorAll('#log > *')].length") > 150
    assert rows.first.inner_text().endswith("message 0 with some words")


def test_unread_count_of_one_room_changes_nothing_else_in_the_side_bar(
    people: People, shared_server: Server
):
    """Among 300 rooms, of which one has the focus."""
    ada = people.come(shared_server.url, "ada", room="three-hundred")
    ada.is_connected_over("websocket")
    touched, focused, places = ada.page.evaluate(
        """async () => {
          const { Side } = await import("./side.js");
          const side = new Side({});
          const entry = n => ({ place: `r${n}`, title: `#r${n}`, unread: 0, called: false });
          const entries = Array.from({ length: 300 }, (_, n) => entry(n));
          side.showPlaces(entries, [], "r0");
          const list = document.querySelector("#rooms");
          list.children[7].querySelector("a").focus();
          const watch = new MutationObserver(() => {});
          watch.observe(list, { subtree: true, childList: true, attributes: true });
          entries[5].unread = 3;
          side.showPlaces(entries, [], "r0");
          const changed = watch.takeRecords().map(({ target }) => target.closest("li"));
          const items = new Set(changed.map(item => item.textContent));
          const focused = document.activeElement.textContent;
          side.showPlaces([entries[2], ...entries.slice(3, 9), entries[0]], [], "r8");
          const places = [...list.querySelectorAll("a")].map(link => link.textContent);
          return [[...items], focused, places];
        }"""
    )
    assert touched == ["#r53 new"]
    assert focused == "#r7"
    assert places == ["#r2", "#r3", "#r4", "#r53 new", "#r6", "#r7", "#r8", "#r0"]


def test_deleted_message_stays_in_its_place_when_the_unread_line_was_taken_away(
    people: People, shared_server: Server
):
    """The line is drawn with the row of the message that it stands before."""
    ada = people.come(shared_server.url, "ada", room="line-away")
    ada.is_connected_over("websocket")
    shown = ada.page.evaluate(
        """async () => {
          const { Log } = await import("./log.js");
          const time = new Date().toISOString();
          const message = { type: "message", from: "bob", room: "line-away", time };
          const one = id => ({ ...message, id, text: `m${id}` });
          const all = [one(1), one(2), one(3)];
          let line = all[1];
          const about = () => ({ name: "ada", calls: () => false, line });
          const log = new Log(about, () => {}, () => {});
          log.show(all);
          const lines = document.querySelectorAll("#log .line").length;
          line = undefined;
          log.removeLine();
          Object.assign(all[1], { text: "", redacted: true });
          log.redraw(2);
          const texts = [...document.querySelectorAll("#log .text")];
          return [lines, ...texts.map(text => text.textContent)];
        }"""
    )
    assert shown == [1, "m1", "This message was deleted.", "m3"]


def test_rows_make_no_layers_of_their_own(people: People, shared_server: Server):
    """Nothing in them is positioned, clipped or contained, except code and piled-up marks: with
    ten thousand rows, a browser goes through each such box in each frame.
    """
    ada = people.come(shared_server.url, "ada", room="flat-rows")
    ada.is_connected_over("websocket")
    ada.say("hello, ada")
    ada.say("a **second** `one` with https://example.com/ in it :tada:")
    ada.say("/me waves")
    ada.say("/topic tea")
    ada.say("Z" + "\u0351" * 20)
    expect(ada.log.locator(".piled")).to_have_count(1)
    layers = ada.page.evaluate(
        """() => [...document.querySelectorAll("#log .event, #log .event *")]
          .filter(node => !node.closest(".piled"))
          .filter(node => {
            const style = getComputedStyle(node);
            return style.position !== "static" || style.overflow !== "visible"
              || style.contain !== "none" || style.clipPath !== "none" || style.opacity !== "1"
              || getComputedStyle(node, "::before").position !== "static";
          }).map(node => node.outerHTML)"""
    )
    assert layers == []
    assert ada.page.evaluate(
        "getComputedStyle(document.querySelector('#log .piled')).contain === 'content'"
    )


def test_messages_that_arrive_together_are_laid_out_together(people: People, shared_server: Server):
    """Once in a frame, not once for each; the window follows them."""
    ada = people.come(shared_server.url, "ada", room="together")
    ada.is_connected_over("websocket")
    expect(ada.page.locator("#empty dl")).to_be_visible()
    session = ada.page.context.new_cdp_session(ada.page)
    session.send("Performance.enable")

    def layouts() -> int:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(int(one["value"]) for one in metrics if one["name"] == "LayoutCount")

    before = layouts()
    ada.page.evaluate(
        """async () => {
          const { Log } = await import("./log.js");
          const log = new Log(() => ({ name: "ada", calls: () => false }), () => {}, () => {});
          const message = { type: "message", from: "bob", room: "together" };
          const time = new Date().toISOString();
          for (let id = 1; id <= 200; id++) {
            log.append({ ...message, id, text: `m${id}`, time });
            log.stuck;
            await Promise.resolve();
          }
        }"""
    )
    expect(ada.said("m200")).to_be_in_viewport()
    assert layouts() - before < 50


def test_people_who_come_together_are_drawn_together(people: People, shared_server: Server):
    """The row that sums them up is not drawn anew for each of them."""
    ada = people.come(shared_server.url, "ada", room="come-together")
    ada.is_connected_over("websocket")
    expect(ada.page.locator("#empty dl")).to_be_visible()
    drawn = ada.page.evaluate(
        """async () => {
          const { Log } = await import("./log.js");
          const log = new Log(() => ({ name: "ada", calls: () => false }), () => {}, () => {});
          const time = new Date().toISOString();
          let drawn = 0;
          const watch = new MutationObserver(records => {
            for (const { addedNodes } of records) drawn += addedNodes.length;
          });
          watch.observe(document.querySelector("#log"), { subtree: true, childList: true });
          for (let id = 1; id <= 300; id++) {
            log.append({ type: "join", id, from: `p${id}`, room: "come-together", time });
            await Promise.resolve();
          }
          await new Promise(resolve => requestAnimationFrame(resolve));
          await Promise.resolve();
          return drawn;
        }"""
    )
    expect(ada.log.locator("summary").last).to_contain_text("300 joined")
    assert drawn < 10


def test_one_who_joins_a_thousand_people_is_all_that_is_drawn(
    people: People, shared_server: Server
):
    """Also one who gets a role; the order stays, and so does the focus."""
    ada = people.come(shared_server.url, "ada", room="thousand-people")
    ada.is_connected_over("websocket")
    changed, names, focused = ada.page.evaluate(
        """async () => {
          const { People } = await import("./people.js");
          const list = document.querySelector("#people");
          list.replaceChildren();
          const shown = new People({});
          const people = new Set(Array.from({ length: 1000 }, (_, n) => `p${n * 7919 % 1000}`));
          const roles = new Map();
          const show = () => shown.show(people, "p1", name => roles.get(name) ?? null);
          show();
          const order = [...list.children].map(entry => entry.dataset.name);
          const sorted = [...people].sort((a, b) => a.localeCompare(b));
          if (`${order}` !== `${sorted}`) throw new Error(`${order}`);
          list.children[500].querySelector("button").focus();
          const watch = new MutationObserver(() => {});
          watch.observe(list, { subtree: true, childList: true });
          const changes = act => {
            act();
            show();
            const nodes = watch.takeRecords().flatMap(({ addedNodes, removedNodes, target }) =>
              target === list ? [...addedNodes, ...removedNodes] : [target]);
            return [...new Set(nodes.map(node => node.dataset.name))];
          };
          return [[
            changes(() => people.add("p4999")),
            changes(() => people.delete("p7")),
            changes(() => roles.set("p8", "op")),
            changes(() => {}),
          ], [...list.children].slice(545, 550).map(entry => entry.dataset.name),
          document.activeElement.closest("li").dataset.name];
        }"""
    )
    assert changed == [["p4999"], ["p7"], ["p8"], []]
    assert names == sorted(names)
    assert focused == "p549"


def test_joining_a_busy_room_shows_the_end_of_its_history_only(
    people: People, shared_server: Server
):
    """Although the user has read nothing since long before."""
    ada = people.come(shared_server.url, "ada", room="silent-room")
    ada.is_connected_over("websocket")
    flood = Netcat(shared_server.line)
    flood.say("/nick flooder")
    flood.say("/join busy-room")
    flood.say("\r\n".join(f"message {n}" for n in range(400)))
    flood.hear("message 399")
    ada.say("/join busy-room")
    ada.sees("message 399")
    flood.say("the end")
    ada.sees("the end")
    flood.close()
    expect(ada.said("message 0")).to_have_count(0)
    shown = [text for text in ada.texts() if text != "the end"]
    assert shown == [f"message {n}" for n in range(400 - len(shown), 400)]


def test_account_reads_all_rooms_that_it_may_be_in(people: People, shared_server: Server):
    """A hundred, unless the operator allows more."""
    account = {"name": "hundred-rooms", "password": "correct horse battery"}
    token = shared_server.post("accounts", account)["token"]
    for n in range(99):
        url = f"{shared_server.url}rooms/of-a-hundred-{n}/membership"
        headers = {"Authorization": f"Bearer {token}"}
        urlopen(Request(url, headers=headers, method="PUT"), timeout=20).close()
    ada = people.come(shared_server.url, expecting="#lobby")
    ada.is_connected_over("websocket")
    ada.chooses("You", "Sign in…")
    dialog = ada.page.get_by_role("dialog", name="Sign in")
    dialog.get_by_label("Name").fill(account["name"])
    dialog.get_by_label("Password").fill(account["password"])
    with ada.begins_anew():
        dialog.get_by_role("button", name="Sign in").click()
    ada.is_connected_over("websocket")
    rooms = ada.page.get_by_role("navigation", name="Rooms").get_by_role("link")
    expect(rooms).to_have_count(100)
    flood = Netcat(shared_server.line)
    flood.say("/nick caller")
    flood.say("/join of-a-hundred-98")
    flood.say("over here")
    flood.hear("over here")
    flood.close()
    called = rooms.filter(has_text="#of-a-hundred-98")
    expect(called).to_contain_text("1 new")
