"""The page as an app: its manifest, and its service worker while the server is away."""

import json

from playwright.sync_api import BrowserContext, expect

from .people import People, Person
from .server import Server

STORES = """async () => {
  const found = {};
  for (const name of await caches.keys()) {
    const requests = await (await caches.open(name)).keys();
    found[name.split(" ")[1]] = requests.map(({ url }) => new URL(url).pathname);
  }
  return found;
}"""
STORED = ["/offline.html", "/offline.css", "/offline.js", "/icon.svg"]
STANDS_BY = """() => navigator.serviceWorker.controller?.state === "activated"
  && caches.keys().then(names => names.length === 2)"""


def come_again(
    people: People, server: Server, name: str, room: str, language: str = "en"
) -> Person:
    """A person for whom the worker stands by, at the second visit."""
    person = people.come(server.url, name, room=room, service_workers="allow")
    person.is_connected_over("websocket")
    assert person.page.evaluate(STORES) == {}
    person.page.evaluate(
        "code => localStorage.setItem('chatd / language', JSON.stringify({ code }))", language
    )
    person.page.reload()
    person.is_connected_over("websocket")
    person.page.wait_for_function(STANDS_BY)
    return person


def test_browser_finds_the_page_installable(people: People, shared_server: Server):
    """Chromium reads the manifest without an error."""
    ada = people.come(shared_server.url, room="installed")
    chromium = ada.page.context.new_cdp_session(ada.page)
    found = chromium.send("Page.getAppManifest")
    assert found["errors"] == []
    assert json.loads(found["data"])["display"] == "standalone"
    assert chromium.send("Page.getInstallabilityErrors")["installabilityErrors"] in (
        [],
        [{"errorId": "in-incognito", "errorArguments": []}],
    )


def test_notice_is_shown_while_the_server_is_away_and_the_page_when_it_is_back(
    people: People, server: Server
):
    """In the user's language, at the same address; nothing but the notice is stored."""
    ada = come_again(people, server, "ada", "away", "de")
    stores = ada.page.evaluate(STORES)
    (version,) = stores.keys() - {"words"}
    assert sorted(stores[version]) == sorted(STORED)
    assert stores["words"] == ["/words"]
    server.kill()
    ada.page.reload()
    expect(ada.page.get_by_role("heading", level=2)).to_have_text("Der Server ist nicht erreichbar")
    expect(ada.page.locator("html")).to_have_attribute("lang", "de")
    people.shoot(ada, "away")
    ada.page.goto(f"{server.url}rooms/away/messages/1")
    expect(ada.page.get_by_role("button")).to_have_text("Noch einmal versuchen")
    ada.page.goto(f"{server.url}#away")
    server.start()
    ada.page.get_by_role("button").click()
    ada.is_connected_over("websocket")
    expect(ada.page.get_by_role("heading", name="#away")).to_be_visible()
    assert ada.page.evaluate(STORES) == stores


def test_nothing_is_left_in_the_browser_after_leaving(people: People, shared_server: Server):
    """Neither the worker nor what it has stored."""
    ada = come_again(people, shared_server, "adaleaves", "standdown")
    with ada.begins_anew():
        ada.chooses("You", "Leave the chat")
    expect(ada.page.get_by_role("heading", name="#standdown")).to_be_visible()
    assert ada.page.evaluate(STORES) == {}
    assert not ada.page.evaluate(
        "navigator.serviceWorker.getRegistrations().then(all => all.length)"
    )


def test_new_worker_replaces_what_the_old_one_has_stored(people: People, shared_server: Server):
    """As after an upgrade of the server."""
    ada = come_again(people, shared_server, "adaupgrades", "upgraded")
    (version,) = ada.page.evaluate(STORES).keys() - {"words"}
    ada.page.evaluate(
        """async () => {
          for (const name of await caches.keys()) if (!name.endsWith(" words")) {
            const [scope] = name.split(" ");
            await caches.delete(name);
            await (await caches.open(`${scope} old`)).put(`${scope}old.js`, new Response("old"));
          }
          await (await navigator.serviceWorker.getRegistration()).unregister();
        }"""
    )
    ada.page.reload()
    ada.is_connected_over("websocket")
    ada.page.wait_for_function(
        "async version => (await caches.keys()).map(name => name.split(' ')[1]).sort().join() "
        "=== [version, 'words'].sort().join()",
        arg=version,
    )


NOTES = """() => navigator.serviceWorker.ready.then(worker => worker.getNotifications()).then(
  notes => notes.map(({ title, body, data }) => [title, body, data]))"""


def test_worker_shows_notifications_where_pages_may_not(people: People, shared_server: Server):
    """As on Android, where `new Notification` throws."""

    def prepare(context: BrowserContext) -> None:
        context.grant_permissions(["notifications"])
        context.add_init_script(
            "window.Notification = class extends Notification { constructor() { super('', {}); "
            "throw new TypeError('Illegal constructor'); } };"
        )

    ada = people.come(
        shared_server.url, "phoneada", room="phones", prepare=prepare, service_workers="allow"
    )
    bob = people.come(shared_server.url, "phonebob", room="phones")
    bell = ada.page.get_by_role("button", name="Notify me")
    bell.click()
    expect(bell).to_have_attribute("aria-pressed", "true")
    ada.page.evaluate("document.hasFocus = () => false")
    bob.say("phoneada?")
    ada.page.wait_for_function(f"({NOTES})().then(notes => notes.length === 1)")
    assert ada.page.evaluate(NOTES) == [["phonebob in #phones", "phoneada?", "phones"]]
    expect(bell).to_be_visible()
