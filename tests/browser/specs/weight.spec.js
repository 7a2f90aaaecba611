// What a first visit costs on the wire, wasm included, and what reading mail adds.

import { Reader } from "../fixtures/reader.js";
import { expect, test } from "../fixtures/test.js";

/** A first visit, until somebody can sign in. */
const FIRST_VISIT = 150_000;
/** With everything that signing in and reading a message loads. */
const EVERYTHING = 200_000;

test("a first visit weighs less than 150 kB, reading mail included less than 200 kB (brotli, as served)", async ({
  world,
  profile,
  page: first,
}) => {
  await world.deliver(1);
  await first.close();
  const page = await profile.context.newPage();
  const asked = new Set();
  page.on("request", (request) => request.url().startsWith("http") && asked.add(request.url()));

  // The card asks what is kept here, and that loads the wasm.
  const loaded = page.waitForResponse((response) => response.url().endsWith(".wasm"));
  await page.goto(`${world.origin}/`);
  await (await loaded).finished();
  const reader = new Reader(page);
  await expect(reader.part("submit-sign-in")).toBeEnabled();
  const visited = new Set(asked);
  await reader.signIn({ password: world.password });
  await expect(reader.rows()).toHaveCount(1);
  await reader.rows().first().click();
  await expect(reader.part("reader-subject")).toBeVisible();

  const parts = await Promise.all([...asked].map(async (url) => ({ url, octets: await octetsOf(url) })));
  parts.sort((a, b) => b.octets - a.octets);
  const sum = (urls) => parts.filter(({ url }) => urls.has(url)).reduce((total, { octets }) => total + octets, 0);
  for (const { url, octets } of parts) {
    console.log(`${String(octets).padStart(8)}  ${visited.has(url) ? "first visit" : "later      "}  ${new URL(url).pathname}`);
  }
  console.log(`${String(sum(visited)).padStart(8)}  first visit, ${visited.size} files, brotli; less than ${FIRST_VISIT}`);
  console.log(`${String(sum(asked)).padStart(8)}  everything, ${asked.size} files, brotli; less than ${EVERYTHING}`);
  expect([...visited].some((url) => url.endsWith(".wasm"))).toBe(true);
  expect(sum(visited)).toBeLessThan(FIRST_VISIT);
  expect(sum(asked)).toBeLessThan(EVERYTHING);
});

/** The length on the wire, which fetch() decodes away. */
async function octetsOf(url) {
  const response = await fetch(url, { headers: { "accept-encoding": "br" } });
  const octets = Number(response.headers.get("content-length"));
  expect(octets, `${url} states no length`).toBeGreaterThan(0);
  await response.arrayBuffer();
  return octets;
}
