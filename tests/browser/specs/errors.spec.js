// What goes wrong has a code for programs and a sentence for people; in the library, and in the page.

import { openMailbox, rows, signIn, sync } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

const tried = (mailbox, options = {}) => mailbox.evaluate((mailbox, options) => attempt(() => mailbox.sync(options)), options);

/** A person can act on it: a sentence, and not the password. */
function expectSentence(error, world) {
  expect(error.message.split(" ").length).toBeGreaterThanOrEqual(4);
  expect(JSON.stringify(error)).not.toContain(world.password);
}

test("wrong password", async ({ world, page }) => {
  await world.deliver(1);
  const mailbox = await openMailbox(page, world, { credentials: { password: "not-it" } });
  const { error } = await tried(mailbox);
  expect(error).toMatchObject({ name: "MailError", code: "auth-failed", phase: "auth", retryable: false });
  expect(error.serverText).toContain("Authentication failed");
  expectSentence(error, world);
  // Refused once, it is never sent again by itself (one account can be locked by three).
  expect(await world.accepted()).toBe(1);
  expect(await sync(mailbox, { password: world.password })).toMatchObject({ retrieved: 1 });
});

for (const [name, upstream, code, phase] of [
  ["unknown upstream", "nobody-knows-me", "unknown-upstream", "relay"],
  ["upstream down", "down", "upstream-unreachable", "relay"],
  ["upstream with an untrusted certificate", "untrusted", "upstream-tls", "tls"],
]) {
  test(`${name}, in the library`, async ({ world, page }) => {
    const mailbox = await openMailbox(page, world, { relay: world.tunnel(upstream) });
    const { error } = await tried(mailbox);
    expect(error).toMatchObject({ name: "MailError", code });
    expect(["relay", "dns", "tls"]).toContain(error.phase);
    if (phase === "tls") expect(error.phase).toBe("tls");
    expectSentence(error, world);

    const session = await page.evaluate(async (relay) => {
      const { Pop3Session } = await import("/lib/poplar-mail.js");
      return attempt(() => Pop3Session.connect(relay));
    }, world.tunnel(upstream));
    expect(session.error).toMatchObject({ name: "MailError", code });
  });
}

test("relay gone", async ({ world, page }) => {
  const mailbox = await openMailbox(page, world);
  await world.killRelay();
  const { error } = await tried(mailbox);
  expect(error).toMatchObject({ name: "MailError", code: "relay-unreachable", phase: "relay", retryable: true });
  expectSentence(error, world);
});

test("message vanished before it was retrieved", async ({ world, page }) => {
  await world.deliver(3);
  const mailbox = await openMailbox(page, world);
  await sync(mailbox, { retrieve: "headers" });
  const all = await rows(mailbox);
  await mailbox.evaluate((mailbox) => mailbox.close());
  await world.otherClient(["DELE 2"]);

  const again = await openMailbox(page, world);
  // A short session finds out that it is gone; the others are still there.
  const { error } = await again.evaluate((mailbox, id) => attempt(() => mailbox.message(id)), all[1].id);
  expect(error).toMatchObject({ name: "MailError", code: "refused" });
  expectSentence(error, world);
  const other = await again.evaluate((mailbox, id) => attempt(() => mailbox.message(id)), all[2].id);
  expect(other.value.id).toBe(all[2].id);
});

test("message vanished in mid-session", async ({ world, page }) => {
  await world.deliver(3);
  const session = await signIn(page, world);
  await session.evaluate((session) => session.stat());
  const [, second] = await world.stored();
  await world.remove(second.name);
  const { error } = await session.evaluate((session) => attempt(() => session.retr(2)));
  // Dovecot refuses, or gives up the session: either way nothing is taken for a message.
  expect(["refused", "closed", "permanent", "temporary"]).toContain(error.code);
});

test("what is no message of ours, and what is no option", async ({ world, page }) => {
  const mailbox = await openMailbox(page, world);
  for (const call of ["message", "raw", "delete", "undelete", "markRead"]) {
    const { error } = await mailbox.evaluate((mailbox, call) => attempt(() => mailbox[call]("no-such-id")), call);
    expect(error, call).toMatchObject({ name: "MailError", code: "invalid-argument" });
  }
  for (const options of [{ relay: "ftp://127.0.0.1/pop3/mail" }, { relay: "ws://ann:secret@127.0.0.1/pop3/mail" }, { user: "a\r\nDELE 1" }, { storage: "paper" }]) {
    const { error } = await page.evaluate(
      async (options) => {
        const { Mailbox } = await import("/lib/poplar-mail.js");
        return attempt(async () => (await Mailbox.open(options)).sync());
      },
      { relay: world.tunnel(), user: "ann", credentials: { password: "x" }, ...options },
    );
    expect(error?.code, JSON.stringify(options)).toBe("invalid-argument");
  }
  expect(await world.endedSessions("a")).toBe(0);
});

test("an aborted sync rejects with an AbortError and deletes nothing", async ({ world, page }) => {
  await world.deliverLarge(2_000_000);
  const mailbox = await openMailbox(page, world);
  await world.fault({ after: 500_000, then: "stall" });
  const outcome = mailbox.evaluate((mailbox) => {
    globalThis.abort = new AbortController();
    return attempt(() => mailbox.sync({ signal: abort.signal }));
  });
  await world.faults(1);
  await page.evaluate(() => abort.abort());
  expect((await outcome).error.name).toBe("AbortError");
  expect(await world.session(1)).toMatchObject({ quit: false, del: 0 });
  expect((await rows(mailbox)).filter((row) => row.stored)).toEqual([]);
});

test.describe("in the page", () => {
  for (const [name, fields, code, words, support] of [
    ["wrong password", { password: "not-it" }, "auth-failed", /password/i, null],
    ["upstream down", { upstream: "down" }, "upstream-unreachable", /tell whoever runs the relay.*refuses connections/is, "Code 4502"],
    ["untrusted certificate", { upstream: "untrusted" }, "upstream-tls", /certificate.*do not work around.*not from an authority/is, "Code 4525"],
  ]) {
    test(name, async ({ world, reader }) => {
      await world.deliver(1);
      await reader.signIn({ password: world.password, ...fields });
      const error = reader.part("error");
      await expect(error).toBeVisible();
      await expect(error).toHaveAttribute("data-code", code);
      await expect(error).toContainText(words);
      await expect(error).not.toContainText(code);
      if (code === "auth-failed") await expect(error).toContainText("Authentication failed");
      if (support) await expect(reader.part("error-support")).toContainText(`${support}, relay ${new URL(world.origin).host}`);
      else await expect(reader.part("error-support")).toHaveCount(0);
      // And from there one can go on.
      await reader.signIn({ upstream: "mail", password: world.password });
      await expect(reader.rows()).toHaveCount(1);
      await expect(error).toBeHidden();
    });
  }

  test("message vanished", async ({ world, reader }) => {
    const [, { subject }] = await world.deliver(3);
    // On a shared computer messages are retrieved when they are opened.
    await reader.signIn({ password: world.password, shared: true });
    await reader.idle();
    await world.otherClient(["DELE 2"]);
    await reader.row(subject).click();
    const error = reader.part("error");
    await expect(error).toHaveAttribute("data-code", "refused");
    await expect(error).toContainText(/message/i);
    await reader.checkMail();
    await expect(reader.row(subject)).toHaveAttribute("data-state", "gone");
    await expect(reader.rows("headers")).toHaveCount(2);
  });
});
