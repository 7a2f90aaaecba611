// Pop3Session: every command of the guide, one method each.

import { connect, signIn } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

for (const upstream of ["mail", "starttls", "plain"]) {
  test(`every command, over ${upstream}`, async ({ world, page }) => {
    const delivered = await world.deliver(4);
    const stored = await world.stored();
    const session = await connect(page, world, { upstream });
    expect(await session.evaluate((session) => session.greeting)).toMatch(/^(\+OK )?Dovecot/);
    expect(await session.evaluate((session) => session.capa())).toContain("UIDL");
    await session.evaluate((session, password) => session.login("ann", password), world.password);

    const octets = delivered.map((message) => message.octets);
    expect(await session.evaluate((session) => session.stat())).toEqual({ count: 4, octets: octets.reduce((a, b) => a + b) });
    expect(await session.evaluate((session) => session.list())).toEqual(octets.map((octets, at) => ({ number: at + 1, octets })));
    expect(await session.evaluate((session) => session.list(2))).toEqual({ number: 2, octets: octets[1] });

    const uids = await session.evaluate((session) => session.uidl());
    expect(uids.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
    expect(new Set(uids.map(({ uid }) => uid)).size).toBe(4);
    expect(await session.evaluate((session) => session.uidl(3))).toEqual(uids[2]);

    const top = await session.evaluate(async (session) => new TextDecoder("latin1").decode(await session.top(1, 1)));
    expect(top).toContain(`Subject: ${delivered[0].subject}\r\n`);
    expect(top.split("\r\n\r\n")[1].trim().split("\r\n")).toHaveLength(1);

    for (const [at, { sha256 }] of stored.entries()) {
      expect(await session.evaluate(async (session, n) => sha256(await session.retr(n)), at + 1)).toBe(sha256);
    }
    await session.evaluate((session) => session.noop());
    await session.evaluate((session) => session.dele(2));
    await session.evaluate((session) => session.rset());
    await session.evaluate((session) => session.quit());
    expect(await world.session(1)).toMatchObject({ quit: true, retr: 4, top: 1, del: 0 });
  });
}

test("calls that overlap are answered in order", async ({ world, page }) => {
  await world.deliver(6);
  const stored = await world.stored();
  const session = await signIn(page, world);
  const answers = await session.evaluate(async (session) => {
    const order = [];
    const note = (name, promise) => promise.then((value) => (order.push(name), value));
    const all = await Promise.all([
      note("stat", session.stat()),
      ...[1, 2, 3, 4, 5, 6].map((n) => note(`retr ${n}`, session.retr(n).then(sha256))),
      note("list", session.list(6)),
      note("uidl", session.uidl()),
      note("noop", session.noop()),
      note("quit", session.quit()),
    ]);
    return { order, stat: all[0], hashes: all.slice(1, 7), list: all[7], uids: all[8] };
  });
  expect(answers.order.filter((name) => !name.startsWith("retr"))).toEqual(["stat", "list", "uidl", "noop", "quit"]);
  expect(answers.stat.count).toBe(6);
  expect(answers.hashes).toEqual(stored.map(({ sha256 }) => sha256));
  expect(answers.list.number).toBe(6);
  expect(answers.uids).toHaveLength(6);
  expect(await world.session(1)).toMatchObject({ quit: true, retr: 6 });
});

for (const pipelining of ["auto", "probe", "off"]) {
  test(`pipelining ${pipelining}: the same answers`, async ({ world, page }) => {
    await world.deliver(8);
    const session = await signIn(page, world, { pipelining });
    const hashes = await session.evaluate((session) =>
      Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(async (n) => sha256(await session.retr(n)))),
    );
    expect(hashes).toEqual((await world.stored()).map(({ sha256 }) => sha256));
  });
}

test("a message as a stream: its chunks joined are its bytes", async ({ world, page }) => {
  await world.deliverLarge(3_000_000);
  const [stored] = await world.stored();
  const session = await signIn(page, world);
  const { chunks, whole, after } = await session.evaluate(async (session) => {
    const parts = [];
    for await (const chunk of session.retrStream(1)) parts.push(chunk);
    return { chunks: parts.length, whole: await sha256(new Blob(parts)), after: await session.stat() };
  });
  expect(chunks).toBeGreaterThan(1);
  expect(whole).toBe(stored.sha256);
  expect(after.count).toBe(1);
});

test("a stream that is left early leaves the session usable or closed, never confused", async ({ world, page }) => {
  await world.deliverLarge(1_000_000);
  const session = await signIn(page, world);
  const { value, error } = await session.evaluate(async (session) => {
    for await (const chunk of session.retrStream(1)) if (chunk.length) break;
    return attempt(() => session.stat());
  });
  if (error) expect(error.code).toBe("closed");
  else expect(value.count).toBe(1);
});

test("a refused command has its own error, and the session goes on", async ({ world, page }) => {
  await world.deliver(2);
  const session = await signIn(page, world);
  for (const command of ["retr", "list", "uidl", "dele"]) {
    const { error } = await session.evaluate((session, command) => attempt(() => session[command](99)), command);
    expect(error, command).toMatchObject({ code: "refused", phase: "protocol" });
    expect(error.serverText, command).not.toBe("");
  }
  const { error } = await session.evaluate((session) => attempt(() => session.top(99, 0)));
  expect(error.code).toBe("refused");
  expect(await session.evaluate((session) => session.stat())).toMatchObject({ count: 2 });
});

test("after quit() and after close() every call is answered with closed", async ({ world, page }) => {
  await world.deliver(1);
  for (const end of ["quit", "close"]) {
    const session = await signIn(page, world);
    await session.evaluate((session, end) => session[end](), end);
    for (const command of ["stat", "list", "uidl", "noop", "capa", "quit"]) {
      const { error } = await session.evaluate((session, command) => attempt(() => session[command]()), command);
      expect(error?.code, `${command} after ${end}`).toBe("closed");
    }
    await session.evaluate((session) => session.close());
  }
});

test("what would smuggle a command is never sent", async ({ world, page }) => {
  await world.deliver(1);
  const session = await connect(page, world);
  for (const [user, password] of [["ann\r\nDELE 1", "x"], ["ann", "x\nQUIT"], ["ann\0", "x"]]) {
    const { error } = await session.evaluate((session, [user, password]) => attempt(() => session.login(user, password)), [user, password]);
    expect(error.code).toBe("invalid-argument");
  }
  await session.evaluate((session, password) => session.login("ann", password), world.password);
  for (const n of [0, -1, 1.5, NaN, "1\r\nDELE 1"]) {
    const { error } = await session.evaluate((session, n) => attempt(() => session.retr(n)), n);
    expect(error.code, String(n)).toBe("invalid-argument");
  }
  expect(await session.evaluate((session) => session.stat())).toMatchObject({ count: 1 });
});

test("an abort signal ends the session with an AbortError", async ({ world, page }) => {
  await world.deliverLarge(2_000_000);
  await world.fault({ after: 500_000, then: "stall" });
  const outcome = page.evaluate(
    async ([relay, password]) => {
      const { Pop3Session } = await import("/lib/poplar-mail.js");
      globalThis.abort = new AbortController();
      const session = await Pop3Session.connect(relay, { signal: abort.signal });
      await session.login("ann", password);
      return attempt(() => session.retr(1));
    },
    [world.tunnel(), world.password],
  );
  await world.faults(1);
  await page.evaluate(() => abort.abort());
  expect((await outcome).error.name).toBe("AbortError");
  expect(await world.session(1)).toMatchObject({ quit: false, del: 0 });
});

test("signing in by another way, and by a token where the server takes none", async ({ world, page }) => {
  await world.deliver(1);
  const session = await signIn(page, world, { signIn: "plain" });
  expect(await session.evaluate((session) => session.stat())).toMatchObject({ count: 1 });
  const other = await connect(page, world);
  const { error } = await other.evaluate((session) => attempt(() => session.login("ann", { oauthToken: "Zx-unlikely-token" })));
  expect(error).toMatchObject({ name: "MailError", code: "auth-failed" });
  expect(JSON.stringify(error)).not.toContain("Zx-unlikely-token");
  for (const options of [{ signIn: "guess" }, { pipelining: "perhaps" }]) {
    const refused = await page.evaluate(
      async ([relay, options]) => {
        const { Pop3Session } = await import("/lib/poplar-mail.js");
        return attempt(() => Pop3Session.connect(relay, options));
      },
      [world.tunnel(), options],
    );
    expect(refused.error?.code, JSON.stringify(options)).toBe("invalid-argument");
  }
});
