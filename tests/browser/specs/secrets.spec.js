// Where the password must not be: any log, the console, an address, a store, a file of the profile.

import { openMailbox, rows, signIn, sync } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

test("the password is in no log, console, address or store", async ({ world, profile }) => {
  await world.deliver(5);
  const page = await profile.open();
  const addresses = [];
  page.on("request", (request) => addresses.push(request.url()));
  page.on("websocket", (socket) => addresses.push(socket.url()));

  const session = await signIn(page, world);
  await session.evaluate((session) => session.quit());
  const mailbox = await openMailbox(page, world);
  await sync(mailbox);
  const wrong = await openMailbox(page, world, { credentials: { password: `${world.password}-wrong` } });
  const failed = await wrong.evaluate((mailbox) => attempt(() => mailbox.sync()));
  const [{ id }] = await rows(mailbox);
  await mailbox.evaluate((mailbox, id) => mailbox.delete(id), id);
  await mailbox.evaluate((mailbox) => mailbox.signOut());

  const records = await page.evaluate(() => dumpDatabases());
  expect(records.length).toBeGreaterThan(5);
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  const places = {
    "the relay's log": world.relayLogText(),
    "the console": profile.console.join("\n"),
    "an address": addresses.join("\n"),
    "an error": JSON.stringify(failed),
    "a database": records.join("\n"),
    "another store": kept,
  };
  await profile.context.close();
  for (const [path, bytes] of await profile.files()) places[path] = bytes;
  expect(Object.keys(places).length).toBeGreaterThan(10);
  const utf16 = Array.from(world.password, (letter) => `${letter}\0`).join("");
  for (const [place, text] of Object.entries(places)) {
    for (const shape of [world.password, btoa(world.password), utf16]) {
      expect(text.includes(shape), `${place} has the password`).toBe(false);
    }
  }
  expect(places["the relay's log"]).toContain("mail");
});

test("the page keeps no password either, and asks for it again", async ({ world, profile, reader, page }) => {
  await world.deliver(3);
  await reader.signIn({ password: world.password });
  await expect(reader.rows()).toHaveCount(3);
  await reader.idle();
  await page.reload();
  await expect(reader.part("password")).toHaveValue("");
  expect(page.url()).toBe(`${world.origin}/`);
  await profile.context.close();
  for (const [path, bytes] of await profile.files()) {
    expect(bytes.includes(world.password), `${path} has the password`).toBe(false);
  }
});
