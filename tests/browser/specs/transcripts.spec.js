// Every transcript of tests/transcripts through the real thing: public API, WebSocket, relay, and a server that plays it.

import { readdirSync } from "node:fs";

import { Profile } from "../fixtures/browser.js";
import { expect, test } from "../fixtures/test.js";
import { World } from "../fixtures/world.js";

const names = readdirSync(new URL("../../transcripts", import.meta.url))
  .filter((file) => file.endsWith(".txt"))
  .map((file) => file.replace(".txt", ""))
  .sort();

// One after the other in one world and one page; each has an account of its own.
test.describe.configure({ mode: "default" });

let world;
let profile;
let page;

test.beforeAll(async () => {
  world = await World.start({ transcript: names[0] });
  profile = await Profile.create(world.origin);
  page = await profile.open();
});

test.afterAll(async () => {
  await profile.end();
  const log = world.relayLogText();
  await world.end();
  expect(log, "the relay's log has the password").not.toContain(world.password);
  expect(profile.console.join("\n"), "the console has the password").not.toContain(world.password);
  expect(profile.errors, "errors nobody caught").toEqual([]);
});

for (const name of names) {
  test(name, async () => {
    const { user, pipelining, timeoutMs, retrieve, signIn, token, syncs } = await world.play(name);
    // What the page has learnt of one server must not serve for the next, which is another at the same address.
    await page.reload();
    const credentials = token ? { oauthToken: world.password } : { password: world.password };
    const mailbox = await page.evaluateHandle(
      async (options) => {
        const { Mailbox } = await import("/lib/poplar-mail.js");
        return Mailbox.open(options);
      },
      { relay: world.tunnel("scripted"), account: name, user, credentials, passphrase: "of this computer", signIn, pipelining, timeoutMs },
    );
    for (const [sync, { delete: places }] of syncs.entries()) {
      await world.harness.call("scriptedSync", { sync });
      const outcome = await mailbox.evaluate(outcomeOfSync, { retrieve, places });
      const failures = await world.harness.call("scriptedCheck", { sync, outcome });
      expect(failures, `sync ${sync + 1}; the server saw ${(await world.harness.call("scriptedLog")).join(", ")}`).toEqual([]);
    }
    await mailbox.evaluate((mailbox) => mailbox.close());
  });
}

test("a lone dot of the message's own, by Pop3Session: whole where LIST was asked, as a stream too", async () => {
  await world.play("lone-dot-unstuffed");
  const whole = await page.evaluate(
    async ([relay, password]) => {
      const { Pop3Session } = await import("/lib/poplar-mail.js");
      const session = await Pop3Session.connect(relay);
      await session.login("ann", password);
      await session.list();
      const text = (/** @type {BlobPart[]} */ ...pieces) => new Blob(pieces).text();
      const retrieved = [await text(await session.retr(2)), await text(...(await Array.fromAsync(session.retrStream(2))))];
      retrieved.push(await text(await session.retr(1)));
      await session.quit();
      return retrieved;
    },
    [world.tunnel("scripted"), world.password],
  );
  const dotted = "Subject: two\r\n\r\nbefore\r\n.\r\nafter and on\r\n";
  expect(whole).toEqual([dotted, dotted, "Subject: one\r\n\r\nHello one.\r\n"]);
});

/** Runs in the page: deletes what a person deletes, syncs, and tells all that the public API says then (`Outcome` in the harness). */
async function outcomeOfSync(mailbox, { retrieve, places }) {
  const list = () => mailbox.messages({ order: "oldest", limit: 1000 });
  const base64 = async (blob) => {
    let latin1 = "";
    for (const byte of new Uint8Array(await blob.arrayBuffer())) latin1 += String.fromCharCode(byte);
    return btoa(latin1);
  };
  const before = await list();
  for (const place of places) await mailbox.delete(before[place - 1].id);
  const { value: report, error } = await attempt(() => mailbox.sync({ retrieve }));
  const all = await list();
  const rows = [];
  for (const { id, uid, subject, size, stored, unconfirmed, deletion } of all) {
    rows.push({ uid, subject, size, stored, unconfirmed, deletion, body: stored ? await base64(await mailbox.raw(id)) : "" });
  }
  return {
    error: error ? { code: error.code, serverText: error.serverText } : null,
    skipped: (report?.skipped ?? []).map(({ id, code }) => [all.findIndex((row) => row.id === id) + 1, code]),
    rows,
  };
}
