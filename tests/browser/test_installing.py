"""The page as an app: its service worker while the server is away."""

from playwright.sync_api import expect

from .network import Network
from .people import People, Person
from .server import Server
from .waiting import until

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


def come_again(people: People, url: str, name: str, room: str, language: str = "en") -> Person:
    """A person for whom the worker stands by, at the second visit."""
    person = people.come(url, name, room=room, service_workers="allow")
    person.is_connected_over("websocket")
    assert person.page.evaluate(STORES) == {}
    person.page.evaluate(
        "code => localStorage.setItem(`chatd ${location.pathname} language`, "
        "JSON.stringify({ code }))",
        language,
    )
    person.page.reload()
    person.is_connected_over("websocket")
    until(person.page, STANDS_BY)
    return person


def test_notice_is_shown_while_the_server_is_away_and_the_page_when_it_is_back(
    people: People, server: Server
):
    """In the user's language, at the same address; nothing but the notice is stored."""
    ada = come_again(people, server.url, "ada", "away", "de")
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
    ada.is_connected_over("websocket")
    ada.is_in("#away")
    assert ada.page.evaluate(STORES) == stores


def test_notice_is_shown_behind_a_path(people: People, server: Server):
    """The worker has that path only, and its files are below it."""
    network = Network(server.http, prefix="chat/")
    ada = come_again(people, network.url, "ada", "behindpath")
    stores = ada.page.evaluate(STORES)
    (version,) = stores.keys() - {"words"}
    assert sorted(stores[version]) == sorted(f"/chat{path}" for path in STORED)
    url = ada.page.evaluate("navigator.serviceWorker.ready.then(({ scope }) => scope)")
    assert url == network.url
    server.kill()
    ada.page.reload()
    expect(ada.page.get_by_role("heading", level=2)).to_have_text("The server cannot be reached")
    ada.page.goto(f"{network.url}rooms/behindpath/messages/1")
    expect(ada.page.locator("main")).to_have_css("text-align", "center")
    ada.leave()
    network.close()


def test_nothing_is_left_in_the_browser_after_leaving(people: People, shared_server: Server):
    """Neither the worker nor what it has stored."""
    ada = come_again(people, shared_server.url, "adaleaves", "standdown")
    with ada.begins_anew():
        ada.chooses("You", "Leave the chat")
    ada.is_in("#standdown")
    assert ada.page.evaluate(STORES) == {}
    assert not ada.page.evaluate(
        "navigator.serviceWorker.getRegistrations().then(all => all.length)"
    )


def test_new_worker_replaces_what_the_old_one_has_stored(people: People, shared_server: Server):
    """As after an upgrade of the server."""
    ada = come_again(people, shared_server.url, "adaupgrades", "upgraded")
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
    until(
        ada.page,
        "async version => (await caches.keys()).map(name => name.split(' ')[1]).sort().join() "
        "=== [version, 'words'].sort().join()",
        version,
    )


SHOWN = """window.shown = [];
window.Notification = class {
  static permission = "granted";
  static requestPermission = async () => "granted";
  constructor() { throw new TypeError("Illegal constructor"); }
};
ServiceWorkerRegistration.prototype.showNotification = async function (title, { body, data }) {
  if (this.active?.state !== "activated") throw new TypeError("no active worker");
  window.shown.push([title, body, data]);
};"""
"""Notifications as on Android: only service workers may show them."""
ACTIVATING = """
window.activating = new class extends EventTarget {
  state = "activating";
  waits = 0;
  addEventListener(...words) {
    this.waits += 1;
    super.addEventListener(...words);
  }
};
navigator.serviceWorker.register = async () => ({
  active: activating,
  installing: null,
  waiting: null,
  showNotification: ServiceWorkerRegistration.prototype.showNotification,
});"""
"""A worker that is active, and not activated before the test says so."""
CLICKED = """data => {
  const event = new Event("notificationclick");
  event.notification = { close() {}, data };
  const done = new Promise(resolve => (event.waitUntil = resolve));
  dispatchEvent(event);
  return done.then(() => undefined);
}"""


def test_notification_waits_until_its_worker_is_activated(people: People, shared_server: Server):
    """Also if the worker is active already when it is asked for, and not activated."""
    ada = people.come(
        shared_server.url,
        "slowada",
        room="slowphones",
        prepare=lambda context: context.add_init_script(SHOWN + ACTIVATING),
        service_workers="allow",
    )
    bob = people.come(shared_server.url, "slowbob", room="slowphones")
    bell = ada.page.get_by_role("button", name="Notify me")
    bell.click()
    expect(bell).to_have_attribute("aria-pressed", "true")
    ada.page.evaluate("document.hasFocus = () => false")
    bob.say("slowada?")
    until(ada.page, "() => activating.waits === 1")
    assert ada.page.evaluate("shown") == []
    ada.page.evaluate(
        "activating.state = 'activated'; activating.dispatchEvent(new Event('statechange'))"
    )
    until(ada.page, "() => shown.length === 1")


def test_worker_shows_notifications_where_pages_may_not(people: People, shared_server: Server):
    """A click goes to the place in the page that is open."""
    ada = people.come(
        shared_server.url,
        "phoneada",
        room="phones",
        prepare=lambda context: context.add_init_script(SHOWN),
        service_workers="allow",
    )
    bob = people.come(shared_server.url, "phonebob", room="phones")
    bell = ada.page.get_by_role("button", name="Notify me")
    bell.click()
    expect(bell).to_have_attribute("aria-pressed", "true")
    ada.goes_to("lobby")
    ada.page.evaluate("document.hasFocus = () => false")
    bob.say("phoneada?")
    until(ada.page, "() => shown.length === 1")
    ((title, text, data),) = ada.page.evaluate("shown")
    assert (title, text, data["place"]) == ("phonebob in #phones", "phoneada?", "phones")
    expect(bell).to_be_visible()
    (worker,) = ada.page.context.service_workers
    worker.evaluate(CLICKED, "phones")
    expect(ada.page.get_by_role("heading", level=1)).to_have_text("#phones")
