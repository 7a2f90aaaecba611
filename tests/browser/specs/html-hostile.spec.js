// Hostile HTML mail: with all layers, and with any one of them taken away. Chromium's own log of its network tells what was asked of whom.

import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { CASES, DOMAIN } from "../fixtures/hostile/index.js";
import { LAYERS, showAll, without } from "../fixtures/layers.js";
import { Reader } from "../fixtures/reader.js";
import { expect, test } from "../fixtures/test.js";

const CONTROL = "control.example";
/** What a page without any layer does to the control's hosts, so that the log is known to tell of it: name look-ups, sockets, requests. */
const CONTROLS = ["dns-prefetch", "preconnect", "image", "refresh", "frame"].map((kind) => `${kind}.${CONTROL}`);
const CONTROL_PAGE = `<link rel=dns-prefetch href=//dns-prefetch.${CONTROL}><link rel=preconnect href=https://preconnect.${CONTROL}>
<img src=https://image.${CONTROL}/a.png><iframe srcdoc="<meta http-equiv=refresh content='0;url=https://refresh.${CONTROL}/'>"></iframe>
<iframe src=https://frame.${CONTROL}/></iframe>`;

/** Of the cases, those that are opened by hand in the reader, one by one. */
const READ = process.env.POPLAR_LONG ? 1 : 14;

test.describe.configure({ timeout: 240_000 });

for (const off of [[], ...LAYERS.map((layer) => [layer]), LAYERS]) {
  const name = off.length === 0 ? "with all layers" : off.length === 1 ? `without the layer "${off}"` : "without any layer";
  const log = join(tmpdir(), `poplar-net-${process.pid}-${off.join("-") || "none"}.json`);

  test.describe(name, () => {
    test.use({
      worldOptions: { demo: true },
      contextOptions: { serviceWorkers: "block", viewport: { width: 1200, height: 900 }, flags: [`--log-net-log=${log}`] },
      mayBlock: true,
    });

    test(`${CASES.length} hostile messages ${name}`, async ({ world, profile }) => {
      await without(profile.context, world.origin, off);
      const page = await profile.open();
      await expect(new Reader(page).part("submit-sign-in")).toBeVisible();
      await showAll(page, CASES.map(({ html }) => html));
      if (off.length < LAYERS.length) await press(page);
      const lost = off.length === 0 ? await lostWords(page) : [];
      await control(profile.context, world.origin);
      const ran = (await page.evaluate(() => [...heard])).flatMap((said) => /^ran:(\d+)$/.exec(said)?.[1] ?? []);
      profile.errors.length = 0; // the control's frames are torn down with their requests
      await profile.context.close();
      const asked = hosts(await readFile(log, "latin1"));
      await rm(log);

      const names = CONTROLS.filter((host) => !asked.has(host));
      expect(names, "what the log does not tell").toEqual([]);
      const foreign = CASES.filter(({ host }) => asked.has(host)).map(({ name }) => name);
      const scripts = ran.map((at) => CASES[at].name);
      console.log(`${name}: ${scripts.length} scripts ran, ${foreign.length} hosts were reached for`);
      if (off.length === LAYERS.length) {
        // What is not seen here would not be seen elsewhere.
        expect(scripts.length).toBeGreaterThan(50);
        expect(foreign.length).toBeGreaterThan(60);
        return;
      }
      expect(scripts, "scripts that ran").toEqual([]);
      expect(lost, "words that were lost").toEqual([]);
      // Without the copy, a hint and a nested frame reach for their host in spite of the other layers: that is why there is a copy.
      if (!off.includes("copy")) expect(foreign, "hosts that were reached for").toEqual([]);
    });
  });
}

test.describe("in the reader", () => {
  const log = join(tmpdir(), `poplar-net-${process.pid}-reader.json`);
  test.use({ mayBlock: true, contextOptions: { serviceWorkers: "block", flags: [`--log-net-log=${log}`] } });

  test("the same mail, retrieved and opened", async ({ world, profile, page, reader }) => {
    const chosen = CASES.filter((_, at) => at % READ === 0);
    console.log(`${chosen.length} of ${CASES.length} messages`);
    await page.evaluate(() => addEventListener("message", ({ data }) => (globalThis.heard ??= []).push(data)));
    for (const { name, html } of chosen) await world.deliverText(mail(name, html));
    await reader.signedIn({ password: world.password });
    await expect(reader.rows("new").first()).toBeVisible();
    await reader.rows().first().click();
    for (const [at, { name, text }] of chosen.reverse().entries()) {
      if (at > 0) await page.getByRole("button", { name: "Next message" }).click();
      await expect(reader.part("reader-subject")).toHaveText(`Case: ${name}.`);
      await expect(page.frameLocator("[data-testid=reader-html]").locator("body")).toContainText(text);
    }
    expect(await page.evaluate(() => globalThis.heard)).toBeUndefined();
    await profile.context.close();
    expect([...hosts(await readFile(log, "latin1"))]).toEqual([]);
    await rm(log);
  });
});

/** Presses whatever can be pressed and does not lead to a web page. */
async function press(page) {
  for (const frame of page.frames().filter((frame) => /^\d+$/.test(frame.name()))) await frame.evaluate(pressAll).catch(() => {});
}

function pressAll() {
  for (const element of document.querySelectorAll("a, area, button, input, summary, maction, text")) {
    const leads = element.closest("a, area")?.href ?? "";
    if (/^(?:https?|mailto|tel):/.test(leads.baseVal ?? leads)) continue;
    element.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, view: window }));
  }
}

/** Words of the cases that cannot be read in their frames. */
async function lostWords(page) {
  const frames = new Map(page.frames().map((frame) => [frame.name(), frame]));
  const lost = [];
  for (const [at, { name, text }] of CASES.entries()) {
    const shown = await frames.get(String(at))?.evaluate(() => document.body.innerText);
    if (!shown?.replace(/\s+/g, " ").includes(text)) lost.push(`${name}: ${shown}`);
  }
  return lost;
}

/** Behind all that the messages could begin: what is told in the log of a page that keeps nothing back. */
async function control(context, origin) {
  const page = await context.newPage();
  const failed = new Set();
  page.on("requestfailed", (request) => failed.add(new URL(request.url()).host));
  await page.route(`${origin}/control`, (route) => route.fulfill({ contentType: "text/html", body: CONTROL_PAGE }));
  await page.goto(`${origin}/control`, { waitUntil: "commit" });
  await expect.poll(() => ["image", "refresh", "frame"].every((kind) => failed.has(`${kind}.${CONTROL}`))).toBe(true);
}

/** Every host that the log names, of the two domains. @param {string} log */
function hosts(log) {
  return new Set(log.match(new RegExp(`[a-z0-9-]+\\.(?:${DOMAIN}|${CONTROL})`.replaceAll(".e", "\\.e"), "gi"))?.map((host) => host.toLowerCase()));
}

/** @param {string} name @param {string} html */
function mail(name, html) {
  const body = Buffer.from(html).toString("base64").replace(/.{76}/g, "$&\n");
  return `From: eve@example.org\nSubject: Case: ${name}.\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n${body}\n`;
}
