"""Notifications while the page is closed: turning them on, and what the service worker shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any
from urllib.error import HTTPError

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, Worker, expect

from .people import PATIENCE, People, Person
from .server import Server
from .waiting import until

PASSWORD = "correct horse battery"
SUBSCRIBING = """window.made = null;
PushManager.prototype.getSubscription = async () => window.made;
PushManager.prototype.subscribe = async ({ applicationServerKey, userVisibleOnly }) => {
  if (!userVisibleOnly) throw new Error("not visible");
  const text = applicationServerKey.replaceAll("-", "+").replaceAll("_", "/");
  const key = Uint8Array.from(atob(text), char => char.charCodeAt(0));
  window.made = {
    options: { applicationServerKey: key.buffer },
    toJSON: () => ({ endpoint: "https://push.example.net/one", keys: {
      p256dh:
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
      auth: "BTBZMqHH6r4Tts7J_aSIgg",
    } }),
    unsubscribe: async () => { window.made = null; return true; },
  };
  return window.made;
};"""
"""A push service: Chromium has none without its maker's keys."""
WORKER_ONLY = """window.Notification = class {
  static permission = "granted";
  static requestPermission = async () => "granted";
  constructor() { throw new TypeError("service workers only"); }
};
null"""
"""Browsers of phones show notifications of service workers only."""
STANDING = "fetch('push').then(answer => answer.json())"
SHOWN = """() => navigator.serviceWorker.ready.then(worker => worker.getNotifications())
  .then(all => all.map(({ title, body, tag, data }) => [title, body, tag, data]))"""
CLICKED = """async data => {
  const event = new Event("notificationclick");
  event.notification = { close() {}, data };
  const done = new Promise(resolve => (event.waitUntil = resolve));
  dispatchEvent(event);
  await done.then(given => given).catch(() => {});
}"""
OUT_OF_VIEW = """Object.defineProperty(document, "hidden", { value: true });
document.dispatchEvent(new Event("visibilitychange"));"""
CONTROLLED = "() => navigator.serviceWorker.controller?.state === 'activated'"
WATCH = """() => {
  const { prototype } = ServiceWorkerRegistration;
  const real = prototype.showNotification;
  self.hasShown = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("no notification was shown")), PATIENCE);
    prototype.showNotification = function (...given) {
      prototype.showNotification = real;
      const done = real.apply(this, given);
      done.then(resolve, reject);
      return done;
    };
  });
}""".replace("PATIENCE", str(PATIENCE))
"""Let `hasShown` be fulfilled when the browser shows the next notification.  No test may ask which
ones are shown before that: Chromium forgets one that it has stored and is about to show.
"""
PUSHED = """async notice => {
  const event = new Event("push");
  event.data = { json: () => notice };
  let done;
  event.waitUntil = given => (done = given);
  dispatchEvent(event);
  await done;
}"""
RENEWED = """async made => {
  const asked = [];
  const real = self.fetch;
  self.fetch = async (url, options = {}) => {
    const answer = await real(url, options);
    asked.push({ method: options.method ?? "GET", body: options.body, status: answer.status });
    return answer;
  };
  const event = new Event("pushsubscriptionchange");
  const endpoint = "https://push.example.net/renewed";
  event.newSubscription = { toJSON: () => ({ ...made, endpoint }) };
  let done;
  event.waitUntil = given => (done = given);
  dispatchEvent(event);
  await done;
  self.fetch = real;
  return asked;
}"""


@pytest.fixture(scope="module")
def browser(whole_browser: Browser) -> Browser:
    """The headless shell shows no notifications."""
    return whole_browser


@pytest.fixture(scope="module")
def pushing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that sends notifications."""
    folder = tmp_path_factory.mktemp("pushing")
    server = Server(folder, "memory:", "--push-contact=mailto:admin@example.org")
    yield server
    server.kill()


def come(
    people: People, server: Server, name: str, room: str, *, permission: bool = True
) -> Person:
    """Somebody with an account, who is signed in."""
    with suppress(HTTPError):  # a test that runs once more has it
        server.post("accounts", {"name": name, "password": PASSWORD})

    def prepare(context: BrowserContext) -> None:
        context.add_init_script(SUBSCRIBING)
        if permission:
            context.grant_permissions(["notifications"])

    person = people.come(server.url, room=room, prepare=prepare, service_workers="allow")
    person.chooses("You", "Sign in…")
    dialog = person.page.get_by_role("dialog", name="Sign in")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Password").fill(PASSWORD)
    with person.begins_anew():
        dialog.get_by_role("button", name="Sign in").click()
    expect(person.page.locator("#account")).to_have_attribute("title", f"{name}: your account")
    return person


def ask(person: Person, button: str) -> None:
    """Open the dialog about notifications, and press a button in it."""
    item = person.page.get_by_role("menuitem", name="Notify me even when this page is closed…")
    deadline = monotonic() + PATIENCE / 1000
    while monotonic() < deadline:
        person.page.locator("#account").click()
        expect(person.page.get_by_role("menu", name="You")).to_be_visible()
        if item.count():
            break
        # The server's answer that it offers this comes a moment after the page has begun.
        person.page.keyboard.press("Escape")
    item.click()
    person.page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()


def standing(page: Page) -> tuple[bool, int]:
    """Whether the page's session is notified, and how many of its account are."""
    told = page.evaluate(STANDING)
    return told["subscribed"], told["subscriptions"]


def worker_of(page: Page) -> Worker:
    """The service worker of a page, once it is there."""
    until(page, CONTROLLED)
    context = page.context
    workers: list[Worker] = context.service_workers
    return workers[0] if workers else context.wait_for_event("serviceworker")


@contextmanager
def is_shown_by(shower: Page | Worker) -> Iterator[None]:
    """Wait, at the end of the block, until a page or a worker has shown a notification."""
    shower.evaluate(WATCH)
    yield
    shower.evaluate("hasShown")


def deliver(page: Page, notice: dict[str, Any]) -> None:
    """Bring the service worker a notification, as a push service does; wait until it is shown."""
    worker = worker_of(page)
    chromium = page.context.new_cdp_session(page)
    found: list[str] = []
    chromium.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda told: found.extend(one["registrationId"] for one in told["registrations"]),
    )
    chromium.send("ServiceWorker.enable")
    deadline = monotonic() + PATIENCE / 1000
    while not found:
        assert monotonic() < deadline
        page.wait_for_timeout(10)
    origin = page.evaluate("location.origin")
    with is_shown_by(worker):
        chromium.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": origin, "registrationId": found[-1], "data": json.dumps(notice)},
        )
    chromium.detach()


def shows(page: Page, notification: list[Any]) -> None:
    """Check that the browser shows a notification: title, body, tag and data."""
    shown = page.evaluate(SHOWN)
    assert notification in shown, shown


def test_user_turns_notifications_on_and_off(people: People, pushing: Server):
    """In the menu of the own name; levels of rooms are told to the server."""
    ada = come(people, pushing, "pushada", "pushed")
    ask(ada, "Turn on")
    expect(ada.page.get_by_role("dialog")).to_have_count(0)
    assert standing(ada.page) == (True, 1)
    with ada.page.expect_request("**/push") as asked:
        ada.chooses("This place", "Notify me of…")
        ada.page.get_by_label("Notify me of").select_option("Every message")
        ada.page.get_by_role("button", name="Save").click()
    told: Any = asked.value.post_data_json
    assert (told["all"], told["none"]) == ("pushed", "")
    ask(ada, "Turn off")
    expect(ada.page.get_by_role("dialog")).to_have_count(0)
    assert standing(ada.page) == (False, 0)
    assert ada.page.evaluate("made") is None


def is_sign(sent: Request) -> bool:
    """Whether a page says that it is in view, or is not."""
    return sent.url.endswith("/push/view")


def hold_first_sign(person: Person) -> list[Route]:
    """Load the page anew, and hold up the first sign of it; returns all signs as they come."""
    signs: list[Route] = []

    def hold(route: Route) -> None:
        signs.append(route)
        if len(signs) > 1:
            route.continue_()

    with person.page.expect_request(is_sign):
        person.page.route("**/push/view", hold)
        person.page.reload()
    return signs


def test_signs_of_a_page_do_not_overtake_each_other(people: People, pushing: Server):
    """The next one is sent when the server has answered the one before."""
    ada = come(people, pushing, "pushjoe", "pushed10")
    ask(ada, "Turn on")
    expect(ada.page.get_by_role("dialog")).to_have_count(0)
    signs = hold_first_sign(ada)
    ada.page.evaluate(f"{OUT_OF_VIEW} fetch('healthz')")
    assert len(signs) == 1
    with ada.page.expect_request(is_sign) as later:
        signs[0].continue_()
    told: Any = later.value.post_data_json
    assert told["here"] is False


def test_page_that_goes_says_so_at_once(people: People, pushing: Server):
    """It sends that instead of the signs that the server has not answered: one that hangs ends,
    and one that waits for it is not sent.
    """
    ada = come(people, pushing, "pushkay", "pushed11")
    ask(ada, "Turn on")
    expect(ada.page.get_by_role("dialog")).to_have_count(0)
    signs = hold_first_sign(ada)
    ada.page.evaluate("dispatchEvent(new Event('focus')); fetch('healthz')")
    assert len(signs) == 1
    with (
        ada.page.expect_event("requestfailed", is_sign) as ended,
        ada.page.expect_event("requestfinished", is_sign) as last,
    ):
        ada.page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    hung: Any = ended.value.post_data_json
    told: Any = last.value.post_data_json
    assert (hung["here"], told["here"]) == (True, False)
    ada.page.evaluate("fetch('healthz')")
    assert len(signs) == 2


def test_tab_that_is_closed_does_not_speak_for_another_one(people: People, pushing: Server):
    """Each tab tells the server of itself, by an id of its own."""
    ada = come(people, pushing, "pushivy", "pushed9")
    ask(ada, "Turn on")
    expect(ada.page.get_by_role("dialog")).to_have_count(0)

    with ada.page.expect_request(is_sign) as first:
        ada.page.reload()
    other = ada.page.context.new_page()
    with other.expect_request(is_sign) as second:
        other.goto(ada.page.url)
    with other.expect_request(is_sign) as last:
        other.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    told: list[Any] = [sign.value.post_data_json for sign in (first, second, last)]
    one, two, three = told
    assert one["page"] != two["page"]
    assert three == {"here": False, "page": two["page"]}


def test_worker_shows_who_wrote_and_where_and_opens_the_message(people: People, pushing: Server):
    """Without a text what happened; a newer notification of a place replaces the older one."""
    ada = come(people, pushing, "pushbea", "pushed2")
    page = ada.page
    id_ = pushing.post("rooms/pushed2/messages?name=pushbob", {"text": "pushbea?"})["id"]
    notice = {"place": "lobby", "from": "bob", "kind": "mention", "id": 7}
    deliver(page, notice)
    shows(page, ["bob in #lobby", "You are mentioned", "lobby", "lobby/7"])
    worker = worker_of(page)
    private = {**notice, "place": "@Bob", "kind": "private", "count": 3, "text": "psst"}
    worker.evaluate(PUSHED, private)
    shows(page, ["Private message from bob (3)", "psst", "@bob", "@bob"])
    worker.evaluate(CLICKED, f"pushed2/{id_}")
    expect(page).to_have_url(f"{pushing.url}#pushed2/{id_}")
    expect(ada.said("pushbea?")).to_be_visible()


def test_worker_keeps_what_the_page_has_shown_until_there_is_something_newer(
    people: People, pushing: Server
):
    """Also while the page is open: it may be frozen.  What the worker has shown is replaced."""
    ada = come(people, pushing, "pushfay", "pushed6")
    page = ada.page
    worker = worker_of(page)
    page.evaluate(WORKER_ONLY)
    page.locator("#notify").click()
    expect(page.locator("#notify")).to_have_attribute("aria-pressed", "true")
    # Once the page follows the room, what comes is news.
    ada.is_connected_over("websocket")
    pushing.post("rooms/pushed6/messages?name=pushbob", {"text": "before"})
    ada.sees("before")
    page.evaluate("document.hasFocus = () => false")
    with is_shown_by(page):
        id_ = pushing.post("rooms/pushed6/messages?name=pushbob", {"text": "pushfay?"})["id"]
    shown = ["pushbob in #pushed6", "pushfay?", "pushed6", {"place": "pushed6", "id": id_}]
    shows(page, shown)
    notice = {"place": "pushed6", "from": "pushbob", "kind": "mention", "id": id_}
    worker.evaluate(PUSHED, notice)
    shows(page, shown)
    for later in (id_ + 1, id_ + 2):
        worker.evaluate(PUSHED, {**notice, "id": later})
        shows(page, ["pushbob in #pushed6", "You are mentioned", "pushed6", f"pushed6/{later}"])
        assert len(page.evaluate(SHOWN)) == 1
    worker.evaluate(CLICKED, {"place": "pushed6", "id": id_})
    expect(page).to_have_url(f"{pushing.url}#pushed6")


def test_click_opens_a_window_if_the_open_page_cannot_be_led(people: People, pushing: Server):
    """The worker does not control a page that was there before it."""
    ada = come(people, pushing, "pushhal", "pushed8")
    deliver(ada.page, {"place": "lobby", "from": "bob", "kind": "mention", "id": 7})
    shows(ada.page, ["bob in #lobby", "You are mentioned", "lobby", "lobby/7"])
    worker = worker_of(ada.page)
    worker.evaluate(
        """() => {
          self.opened = [];
          WindowClient.prototype.navigate = async () => { throw new TypeError("not controlled"); };
          clients.openWindow = async url => void opened.push(url);
        }"""
    )
    worker.evaluate(CLICKED, "pushed8")
    assert worker.evaluate("opened") == [f"{pushing.url}#pushed8"]


def test_worker_renews_a_subscription_that_the_browser_has_changed(people: People, pushing: Server):
    """The server learns the new address; the levels of rooms stay."""
    ada = come(people, pushing, "pushcleo", "pushed3")
    ask(ada, "Turn on")
    expect(ada.page.get_by_role("dialog")).to_have_count(0)
    worker = worker_of(ada.page)
    told = worker.evaluate(RENEWED, ada.page.evaluate("made.toJSON()"))
    assert [(one["method"], one["status"]) for one in told] == [("GET", 200), ("PUT", 204)]
    assert json.loads(told[1]["body"])["endpoint"] == "https://push.example.net/renewed"
    assert standing(ada.page) == (True, 1)


def test_subscription_that_the_browser_has_lost_is_made_anew(people: People, pushing: Server):
    """When the page begins; a page that cannot have its worker leaves the subscription alone."""
    ada = come(people, pushing, "pushgil", "pushed7")
    ask(ada, "Turn on")
    expect(ada.page.get_by_role("dialog")).to_have_count(0)
    with ada.page.expect_request(is_sign):
        ada.page.reload()  # the double of the push service begins without a subscription
    assert ada.page.evaluate("made !== null")
    assert standing(ada.page) == (True, 1)
    ada.page.add_init_script(
        "ServiceWorkerContainer.prototype.register = async () => { throw new Error('not now'); };"
    )
    with ada.page.expect_request(is_sign):
        ada.page.reload()
    assert standing(ada.page) == (True, 1)


def test_user_is_told_what_hinders(people: People, pushing: Server):
    """The browser's settings; on an iPhone, that the page is not installed."""
    ada = come(people, pushing, "pushdora", "pushed4", permission=False)
    ask(ada, "Turn on")
    dialog = ada.page.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_contain_text("The browser does not allow it")
    assert standing(ada.page) == (False, 0)
    dialog.get_by_role("button", name="Cancel").click()
    ada.page.evaluate(
        "delete ServiceWorkerRegistration.prototype.pushManager; navigator.standalone = false"
    )
    ask(ada, "Close")
    expect(dialog).to_have_count(0)


def test_server_without_a_contact_does_not_offer_it(people: People, shared_server: Server):
    """The menu has no item for it."""
    ada = come(people, shared_server, "pushella", "pushed5")
    assert ada.page.evaluate(STANDING) == {"on": False}
    ada.page.locator("#account").click()
    expect(ada.page.get_by_role("menuitem", name="Sign out")).to_be_visible()
    expect(ada.page.get_by_role("menuitem", name="Notify me even")).to_have_count(0)
