/** Sets up the service worker, which stands by for the time when the server is away: see `worker.js`. */

import { language, t } from "./words.js";

const scope = new URL(".", location.href).href;

/** Have the worker, and give it its words. Browsers have none on addresses that are not secure. */
export async function standBy() {
  if (!("serviceWorker" in navigator)) return undefined;
  const registered = await navigator.serviceWorker.register(/** @type {string} */ (trusted("worker.js")), { updateViaCache: "none" });
  const { dir } = document.documentElement;
  const words = {
    lang: language, dir, title: t("away.title"), text: t("away.text"), again: t("waiting.again"),
    push: {
      private: t("bell.private", { name: "{name}" }), room: t("bell.room", { name: "{name}", room: "{room}" }),
      mention: t("push.mention"), message: t("push.message"),
    },
  };
  await (await caches.open(`${scope} words`)).put(`${scope}words`, new Response(JSON.stringify(words)));
  // A worker that is active may still be activating.
  const worker = registered?.active ?? registered?.waiting ?? registered?.installing;
  const settled = () => !worker || ["activated", "redundant"].includes(worker.state);
  if (!settled()) await new Promise(resolve => worker?.addEventListener("statechange", () => settled() && resolve(worker)));
  return registered;
}

/** Leave nothing in the browser: the worker and all that it has stored. */
export async function standDown() {
  if (!("serviceWorker" in navigator)) return;
  const registered = await navigator.serviceWorker.getRegistration();
  if (registered?.scope === scope) await registered.unregister();
  for (const name of await caches.keys()) if (name.startsWith(`${scope} `)) await caches.delete(name);
}

/** An address of a script, for the page's policy. @param {string} name @returns {unknown} */
function trusted(name) {
  const { trustedTypes } = /** @type {any} */ (globalThis);
  if (!trustedTypes) return name;
  return trustedTypes.createPolicy("worker", { createScriptURL: (/** @type {string} */ one) => one }).createScriptURL(name);
}
