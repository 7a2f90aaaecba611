// Another secret: a password that was changed on the server, one that nobody has any more, and a passphrase for this computer alone.

import { openLocked, openMailbox, rawHashes, rows, sorted, sync } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

test.use({ worldOptions: { dovecot: { rawlog: true } } });

const NEXT = "another-password-of-another-length-81";
const PASSPHRASE = "for this computer alone";

const attempted = (mailbox, call, ...given) =>
  mailbox.evaluate((mailbox, [call, given]) => attempt(() => mailbox[call](...given)), [call, given]);
const close = (mailbox) => mailbox.evaluate((mailbox) => mailbox.close());

/** How many messages all sessions together have retrieved, once so many have ended. */
async function retrieved(world, sessions) {
  await world.session(sessions);
  return Object.values(await world.harness.call("retrieved")).flat().length;
}

test("a password that was changed on the server: the old one opens once more, and from then on the new one", async ({ world, page }) => {
  await world.deliver(3);
  const old = world.password;
  const first = await openMailbox(page, world);
  await sync(first);
  await close(first);
  await world.setPassword(NEXT);
  await world.deliver(2, { seed: 2 });

  const mailbox = await openLocked(page, world, { credentials: undefined });
  expect((await attempted(mailbox, "sync", { password: old })).error).toMatchObject({ code: "auth-failed" });
  expect((await attempted(mailbox, "sync", { password: NEXT })).error).toMatchObject({ name: "MailError", code: "wrong-secret", phase: "store" });
  expect((await attempted(mailbox, "messages")).error).toMatchObject({ code: "locked" });
  expect(await attempted(mailbox, "unlock", old)).toEqual({});
  expect(await rows(mailbox)).toHaveLength(3);
  expect(await sync(mailbox, { password: NEXT })).toMatchObject({ retrieved: 2, remaining: 0 });
  expect(await rawHashes(mailbox)).toEqual(sorted(await world.stored()));
  await close(mailbox);

  const again = await openLocked(page, world, { credentials: undefined });
  expect((await attempted(again, "unlock", old)).error).toMatchObject({ code: "wrong-secret" });
  expect(await attempted(again, "unlock", NEXT)).toEqual({});
  expect(await rawHashes(again)).toEqual(sorted(await world.stored()));
  expect((await attempted(again, "log")).value.broken).toBe(null);
});

test("a secret that is lost: UIDs and states stay, and nothing is retrieved again unless somebody asks", async ({ world, page }) => {
  await world.deliver(4);
  const first = await openMailbox(page, world);
  await sync(first);
  const before = await rows(first);
  await first.evaluate((mailbox, id) => mailbox.markRead(id), before[1].id);
  await close(first);
  await world.setPassword(NEXT);

  const mailbox = await openLocked(page, world);
  expect((await attempted(mailbox, "sync")).error).toMatchObject({ code: "wrong-secret" });
  expect(await attempted(mailbox, "dropSealed")).toEqual({});
  expect(await mailbox.evaluate((mailbox) => mailbox.locked)).toBe(false);
  expect(await mailbox.evaluate((mailbox) => mailbox.seal())).toEqual({ by: null, nameHidden: false });
  const dropped = await rows(mailbox);
  const bare = { subject: "", from: "", preview: "", date: null, hasAttachments: false, stored: false, damaged: false };
  expect(dropped.map((row) => ({ ...row, ...bare, hasHeaders: true }))).toEqual(
    before.map((row, at) => ({ ...row, ...bare, hasHeaders: true, read: at === 1 })),
  );
  expect(dropped.every((row) => row.subject === "" && !row.stored && !row.damaged)).toBe(true);

  const sessions = await world.endedSessions();
  const asked = await retrieved(world, sessions);
  expect(asked).toBe(4);
  expect(await sync(mailbox)).toMatchObject({ retrieved: 0, headers: 0 });
  expect(await retrieved(world, sessions + 1)).toBe(4);
  expect(await mailbox.evaluate((mailbox) => mailbox.seal())).toEqual({ by: "password", nameHidden: false });
  const { value } = await attempted(mailbox, "message", before[2].id);
  expect(value.subject).toBe(before[2].subject);
  const now = await rows(mailbox);
  expect(now.map(({ stored }) => stored)).toEqual([false, false, true, false]);
  expect(now[2]).toEqual(before[2]);
  await close(mailbox);
  expect(await retrieved(world, sessions + 2)).toBe(5);

  const again = await openLocked(page, world, { credentials: undefined });
  expect(await attempted(again, "unlock", NEXT)).toEqual({});
  expect(await rows(again)).toEqual(now);
});

test("a passphrase seals instead of the password, and each can take the other's place", async ({ world, page }) => {
  await world.deliver(3);
  const first = await openMailbox(page, world, { passphrase: PASSPHRASE });
  await sync(first);
  expect(await first.evaluate((mailbox) => mailbox.seal())).toMatchObject({ by: "passphrase" });
  const before = await rows(first);
  await close(first);

  // Signing in is not opening, where a passphrase does that.
  let mailbox = await openLocked(page, world);
  const accepted = await world.accepted();
  expect((await attempted(mailbox, "sync")).error).toMatchObject({ code: "locked" });
  expect(await world.accepted(), "refused before connecting").toBe(accepted);
  expect((await attempted(mailbox, "unlock", world.password)).error).toMatchObject({ code: "wrong-secret" });
  expect(await attempted(mailbox, "unlock", PASSPHRASE)).toEqual({});
  expect(await rows(mailbox)).toEqual(before);
  expect(await sync(mailbox)).toMatchObject({ retrieved: 0 });
  await close(mailbox);

  // With both, a sync opens it as well.
  mailbox = await openLocked(page, world, { passphrase: PASSPHRASE });
  expect(await sync(mailbox)).toMatchObject({ retrieved: 0 });
  expect(await rows(mailbox)).toEqual(before);
  expect((await attempted(mailbox, "reseal", "not it", { password: world.password })).error).toMatchObject({ code: "wrong-secret" });
  expect((await attempted(mailbox, "reseal", PASSPHRASE, { password: "" })).error).toMatchObject({ code: "invalid-argument" });
  expect(await attempted(mailbox, "reseal", PASSPHRASE, { password: world.password })).toEqual({});
  await close(mailbox);

  mailbox = await openLocked(page, world);
  expect(await mailbox.evaluate((mailbox) => mailbox.seal())).toMatchObject({ by: "password" });
  expect((await attempted(mailbox, "unlock", PASSPHRASE)).error).toMatchObject({ code: "wrong-secret" });
  expect(await attempted(mailbox, "unlock", world.password)).toEqual({});
  expect(await attempted(mailbox, "reseal", world.password, { passphrase: "one more" })).toEqual({});
  await close(mailbox);

  mailbox = await openLocked(page, world);
  expect((await attempted(mailbox, "unlock", world.password)).error).toMatchObject({ code: "wrong-secret" });
  expect(await attempted(mailbox, "unlock", "one more")).toEqual({});
  expect(await rows(mailbox)).toEqual(before);
  expect((await attempted(mailbox, "log")).value.entries.map(({ what }) => what)).toEqual([
    "unlocked", "failed unlock", "unlocked", "unlocked", "failed unlock", "resealed", "failed unlock", "unlocked", "resealed", "failed unlock", "unlocked",
  ]);
});

test("a token seals nothing: without a passphrase it is refused before anything is sent", async ({ world, page }) => {
  await world.deliver(1);
  const mailbox = await openLocked(page, world, { credentials: { oauthToken: "not-a-real-token" }, signIn: "oauthbearer" });
  expect((await attempted(mailbox, "sync")).error).toMatchObject({ code: "invalid-argument" });
  expect(await world.accepted()).toBe(0);
  expect(await page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name))).toEqual([]);
});

test("a name that is hidden is in no list, and found again by whoever knows it", async ({ world, page }) => {
  await world.deliver(2);
  const accounts = () => page.evaluate(async () => (await import("/lib/poplar-mail.js")).Mailbox.accounts());
  const mailbox = await openMailbox(page, world);
  await sync(mailbox);
  const named = { account: "mail/ann", user: "ann", relay: world.tunnel(), messages: 2, stored: 2 };
  expect(await accounts()).toEqual([named]);
  await mailbox.evaluate((mailbox) => mailbox.hideName(true));
  const hidden = { account: "", user: "", relay: "", hidden: true, messages: 2, stored: 2 };
  expect(await accounts()).toEqual([hidden]);
  // Whatever is written later does not bring it back.
  await world.deliver(1, { seed: 2 });
  await sync(mailbox);
  await mailbox.evaluate((mailbox, password) => mailbox.reseal(password, { passphrase: "one" }), world.password);
  await close(mailbox);
  expect(await accounts()).toEqual([{ ...hidden, messages: 3, stored: 3 }]);

  const again = await openLocked(page, world);
  expect((await attempted(again, "hideName", false)).error).toMatchObject({ code: "locked" });
  expect(await attempted(again, "unlock", "one")).toEqual({});
  expect(await again.evaluate((mailbox) => mailbox.seal())).toEqual({ by: "passphrase", nameHidden: true });
  await world.deliver(1, { seed: 3 });
  await sync(again);
  expect(await accounts()).toEqual([{ ...hidden, messages: 4, stored: 4 }]);
  await again.evaluate((mailbox) => mailbox.hideName(false));
  expect(await accounts()).toEqual([{ ...named, messages: 4, stored: 4 }]);
});
