/**
 * The service worker. While the server is away it shows `offline.html` in place of the page; it stores nothing else, neither
 * scripts of the page nor answers of the server, so nothing that is old or private is ever shown.
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

worker.addEventListener("notificationclick", (/** @type {any} */ event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data));
});

/** Show a place in a page that is open, or in a new one. @param {string} place */
async function open(place) {
  const url = `${scope}#${encodeURIComponent(place)}`;
  const pages = await worker.clients.matchAll({ type: "window" });
  const page = pages.find((/** @type {any} */ one) => one.url.startsWith(scope));
  if (!page) return worker.clients.openWindow(url);
  await page.focus().catch(() => {});
  return page.navigate(url);
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

