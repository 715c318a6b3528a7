/** The notice that the server is away: its words, and the attempts to reach the server, after which the page begins. */

/** Milliseconds to the next attempt, at first and at most. */
const FIRST = 2000;
const LONGEST = 60_000;

const button = document.getElementById("again");
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let pause = FIRST;

/** The words in the user's language, which `standby.js` has stored. */
async function translate() {
  const scope = new URL(".", import.meta.url).href;
  const found = await (await caches.open(`${scope} words`)).match(`${scope}words`);
  const { lang, dir, ...texts } = found ? await found.json() : {};
  if (!lang) return;
  Object.assign(document.documentElement, { lang, dir });
  for (const id of ["title", "text", "again"]) {
    const node = document.getElementById(id);
    if (node && texts[id]) node.textContent = texts[id];
  }
}

/** Begin the page if the server answers, else wait longer. */
async function attempt() {
  clearTimeout(timer);
  try {
    const { status } = await fetch(new URL("healthz", import.meta.url), { cache: "no-store" });
    if (status < 500) return location.reload();
  } catch {
    // Away still.
  }
  timer = setTimeout(attempt, pause * (1 + Math.random() / 2));
  pause = Math.min(pause * 2, LONGEST);
}

button?.addEventListener("click", () => void attempt());
addEventListener("online", () => void attempt());
timer = setTimeout(attempt, FIRST);
void translate().catch(() => {});
