/**
 * The service worker. While the server is away it shows `offline.html` in place of the page; it stores nothing else, neither
 * scripts of the page nor answers of the server, so nothing that is old or private is ever shown. While the page is closed it
 * shows notifications from the server (Web Push).
 */

/** Of what is stored here; the server writes a digest of these files and this script into it. */
const VERSION = "";
const FILES = ["offline.html", "offline.css", "offline.js", "icon.svg"];
const worker = /** @type {any} */ (globalThis);
const scope = worker.registration.scope;
/** Each path on which the page is served has stores of its own. `words.js` puts the texts into the other store. */
const STORE = `${scope} ${VERSION}`;
const WORDS = `${scope} words`;
/** What a proxy answers when the server is away. */
const AWAY = new Set([502, 503, 504]);

worker.addEventListener("install", (/** @type {any} */ event) => event.waitUntil(store()));
worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(clean()));
worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  if (request.mode === "navigate") event.respondWith(navigate(request));
  else if (FILES.some(name => request.url === scope + name)) event.respondWith(stored(request));
});

worker.addEventListener("push", (/** @type {any} */ event) => event.waitUntil(notify(event.data.json())));
worker.addEventListener("pushsubscriptionchange", (/** @type {any} */ event) => event.waitUntil(renew(event.newSubscription)));
worker.addEventListener("notificationclick", (/** @type {any} */ event) => {
  event.notification.close();
  const { data } = event.notification;
  event.waitUntil(open(data.place ?? data));
});

/**
 * Show a notification from the server. If a page has shown this message already, or a later one, its notification stays: that one's
 * data hold the place and the message, those of the worker's own are where a click leads.
 * @param {{place: string, from: string, kind: string, id: number, count?: number, text?: string}} told
 */
async function notify({ place, from, kind, id, count = 1, text }) {
  const found = await (await caches.open(WORDS)).match(`${scope}words`);
  const { lang, dir, push = {} } = found ? await found.json() : {};
  const tag = place.toLowerCase();
  const [before] = await worker.registration.getNotifications({ tag });
  if (before?.data?.id >= id) {
    const { title, body, icon, data } = before;
    return worker.registration.showNotification(title, { body, icon, data, tag });
  }
  const pattern = (kind === "private" ? push.private : push.room) ?? "{name}";
  const title = pattern.replace("{name}", () => from).replace("{room}", () => place) + (count > 1 ? ` (${count})` : "");
  const body = text ?? (kind === "mention" ? push.mention : push.message) ?? "";
  const data = kind === "private" ? tag : `${place}/${id}`;
  await worker.registration.showNotification(title, { body, tag, data, lang, dir, icon: `${scope}icon-192.png`, renotify: true });
}

/** The browser has another address at its push service: tell the server. @param {any} given the new subscription; undefined: make one */
async function renew(given) {
  const { key, subscribed } = await (await fetch(`${scope}push`)).json();
  if (!subscribed) return;
  const made = given ?? await worker.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  const { endpoint, keys } = made.toJSON();
  const headers = { "Content-Type": "application/json" };
  await fetch(`${scope}push`, { method: "PUT", headers, body: JSON.stringify({ endpoint, ...keys }) });
}

/** The pages that are open. @returns {Promise<any[]>} */
async function pages() {
  const found = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  return found.filter((/** @type {any} */ one) => one.url.startsWith(scope));
}

/** Show a place in a page that is open, or in a new one. @param {string} place a room, `@` and a name, or `ROOM/ID` */
async function open(place) {
  const url = `${scope}#${place.split("/").map(encodeURIComponent).join("/")}`;
  const [page] = await pages();
  if (!page) return worker.clients.openWindow(url);
  await page.focus().catch(() => {});
  // A page that has begun before the worker did cannot be navigated by it.
  return page.navigate(url).catch(() => worker.clients.openWindow(url));
}

async function store() {
  const cache = await caches.open(STORE);
  // From the server, and not from what the browser has stored.
  await cache.addAll(FILES.map(name => new Request(scope + name, { cache: "no-cache" })));
  await worker.skipWaiting();
}

/** Delete what former versions have stored. */
async function clean() {
  for (const name of await caches.keys()) if (name.startsWith(`${scope} `) && name !== STORE && name !== WORDS) await caches.delete(name);
  await worker.clients.claim();
}

/** The page from the server; the notice if the server is away. @param {Request} request */
async function navigate(request) {
  try {
    const response = await fetch(request);
    if (!AWAY.has(response.status)) return response;
    return await notice() ?? response;
  } catch {
    return await notice() ?? Response.error();
  }
}

async function notice() {
  const found = await (await caches.open(STORE)).match(`${scope}offline.html`);
  // The address may be deeper than that of the page.
  return found && new Response((await found.text()).replaceAll("=\"offline.", "=\"" + scope + "offline."), { headers: found.headers });
}

/** @param {Request} request */
async function stored(request) {
  return await (await caches.open(STORE)).match(request, { ignoreSearch: true }) ?? fetch(request);
}

