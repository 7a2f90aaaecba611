// The page as a person uses it: sign in, read, save, delete, take back, sign out.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";

import { Reader } from "../fixtures/reader.js";
import { expect, test } from "../fixtures/test.js";

const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");

async function signedIn(world, reader) {
  await reader.signIn({ password: world.password });
  await reader.idle();
}

test("first visit says what this is and where the mail will live", async ({ reader }) => {
  await expect(reader.part("sign-in")).toBeVisible();
  await expect(reader.page.getByText(/on this computer/i).first()).toBeVisible();
  await expect(reader.part("password")).toHaveAttribute("type", "password");
  await expect(reader.part("shared-computer")).not.toBeChecked();
  await expect(reader.part("upstream").locator("option")).toHaveCount(5);
  expect(await reader.page.title()).toBe("Poplar");
});

test("a list with sender, subject, size and state, then a message", async ({ world, reader }) => {
  const delivered = await world.deliver(9);
  await signedIn(world, reader);
  await expect(reader.rows()).toHaveCount(9);
  const [plain, , html] = delivered;
  const row = reader.row(plain.subject);
  await expect(row).toContainText(plain.from);
  await expect(row).toContainText(/\d+\s?(B|kB)/);
  await expect(row).toHaveAttribute("data-state", "new");
  await expect(row).toContainText("New");

  await reader.read(plain.subject);
  await expect(reader.part("reader-from")).toContainText(plain.from);
  await expect(reader.part("reader-text")).not.toBeEmpty();
  await expect(row).toHaveAttribute("data-state", "stored");
  await expect(reader.part("filter-unread")).toContainText("8");

  await reader.read(html.subject);
  const frame = reader.part("reader-html");
  await expect(frame).toBeVisible();
  await expect(frame).toHaveAttribute("sandbox", /^(?!.*allow-scripts)(?!.*allow-same-origin)/);
  expect(await frame.getAttribute("srcdoc")).toContain("default-src 'none'");
  await expect(reader.page.frameLocator("[data-testid=reader-html]").locator("p").first()).toBeVisible();
});

test.describe("hostile mail", () => {
  test.use({ mayBlock: true });

  test("no script of it runs, and nothing of it is fetched", async ({ world, page, reader }) => {
    const asked = [];
    page.on("request", (request) => asked.push(request.url()));
    await world.deliverText(`From: eve@example.org
Subject: Hostile
MIME-Version: 1.0
Content-Type: text/html; charset=utf-8

<html><head><link rel=preconnect href=http://evil.example><meta http-equiv=refresh content="0;url=http://evil.example/meta"></head>
<body onload="parent.ran=1"><script>parent.ran=1;top.ran=1</script><img src="http://evil.example/pixel.png" onerror="parent.ran=1">
<svg onload="parent.ran=1"></svg><iframe src="http://evil.example/frame"></iframe><form action="http://evil.example/post"><button>Visible words</button></form>
<style>@import url(http://evil.example/css); body{background:url(http://evil.example/bg)}</style><a href="javascript:parent.ran=1">click</a></body></html>
`);
    await signedIn(world, reader);
    await reader.read("Hostile");
    const shown = await reader.part("reader-html").getAttribute("srcdoc");
    expect(shown).not.toMatch(/<script|<iframe|<link|<form|<svg|onload|onerror|javascript:|evil\.example/i);
    await expect(page.frameLocator("[data-testid=reader-html]").getByText("Visible words")).toBeVisible();
    expect(await page.evaluate(() => globalThis.ran)).toBeUndefined();
    expect(asked.filter((url) => !url.startsWith(world.origin))).toEqual([]);
    await expect(reader.part("reader")).toContainText(/remote image/i);
  });
});

test("attachment and .eml come down byte for byte", async ({ world, page, reader }) => {
  const data = Buffer.from(Array.from({ length: 3000 }, (_, at) => (at * 7) % 256));
  await world.deliverText(`From: lab@example.org
Subject: Results attached
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

See the file.
--b
Content-Type: application/pdf; name="results.pdf"
Content-Disposition: attachment; filename="results.pdf"
Content-Transfer-Encoding: base64

${data.toString("base64").replace(/.{76}/g, "$&\n")}
--b--
`);
  await signedIn(world, reader);
  await reader.read("Results attached");
  const attachment = reader.part("attachment");
  await expect(attachment).toContainText("results.pdf");
  const [file] = await Promise.all([page.waitForEvent("download"), attachment.click()]);
  expect(file.suggestedFilename()).toBe("results.pdf");
  expect(digest(await readFile(await file.path()))).toBe(digest(data));

  const [eml] = await Promise.all([page.waitForEvent("download"), reader.part("save-eml").click()]);
  expect(eml.suggestedFilename()).toMatch(/\.eml$/);
  expect(digest(await readFile(await eml.path()))).toBe((await world.stored())[0].sha256);
});

test("delete and undo: the server hears of it at the next check, and not before", async ({ world, reader }) => {
  const delivered = await world.deliver(4);
  await signedIn(world, reader);
  await reader.read(delivered[1].subject);
  await reader.part("delete").click();
  const row = reader.row(delivered[1].subject);
  await expect(row).toHaveAttribute("data-state", "will-be-deleted");
  await expect(row).toContainText("Will be deleted");
  const bar = reader.part("notice").filter({ has: reader.part("undo") });
  await expect(bar).toContainText("1 message will be deleted from the server");
  await reader.part("undo").click();
  await expect(row).toHaveAttribute("data-state", "stored");
  await reader.checkMail();
  expect(await world.session(2)).toMatchObject({ quit: true, del: 0 });

  await reader.read(delivered[2].subject);
  await reader.part("delete").click();
  expect(await world.stored()).toHaveLength(4);
  await reader.checkMail();
  expect(await world.session(3)).toMatchObject({ quit: true, retr: 0, del: 1 });
  await expect(reader.row(delivered[2].subject)).toHaveCount(0);
  await reader.part("filter-deleted").click();
  await expect(reader.row(delivered[2].subject)).toHaveAttribute("data-state", "deleted");
});

test("signing out deletes what was marked, says so, and shows no mail any more", async ({ world, reader }) => {
  const delivered = await world.deliver(3);
  await signedIn(world, reader);
  await reader.read(delivered[0].subject);
  await reader.part("delete").click();
  await reader.part("sign-out").click();
  await expect(reader.part("sign-in")).toBeVisible();
  await expect(reader.part("notice")).toContainText("1 message was deleted");
  expect(await world.session(2)).toMatchObject({ quit: true, del: 1 });
  for (const { subject } of delivered) await expect(reader.page.getByText(subject)).toHaveCount(0);
});

test("new mail comes with a check; an empty mailbox says so", async ({ world, reader }) => {
  await world.deliver(1, { user: "bob" });
  await world.otherClient(["DELE 1"], "bob");
  await reader.signIn({ user: "bob", password: world.password });
  await expect(reader.part("empty")).toBeVisible();
  await world.deliver(2, { user: "bob", seed: 3 });
  await reader.checkMail();
  await expect(reader.rows()).toHaveCount(2);
  await expect(reader.part("empty")).toBeHidden();
});

test("a sync can be cancelled, and taken up again", async ({ world, reader }) => {
  for (let seed = 1; seed <= 4; seed++) await world.deliverLarge(400_000, { seed });
  await world.fault({ after: 1_000_000, then: "stall" });
  await reader.signIn({ password: world.password });
  await world.faults(1);
  await expect(reader.part("progress")).toContainText(/of 4/);
  await reader.part("cancel-sync").click();
  await reader.idle();
  await world.fault({});
  const stored = await reader.rows("new").count();
  await reader.checkMail();
  await expect(reader.rows("new")).toHaveCount(4);
  expect(await world.session(2)).toMatchObject({ retr: 4 - stored });
});

test("the keyboard is enough", async ({ world, page, reader }) => {
  const delivered = await world.deliver(3);
  await reader.fillIn({ password: world.password });
  await page.keyboard.press("Enter");
  await reader.idle();
  await reader.part("list").focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  // Newest first: the second row is the second of three.
  await expect(reader.part("reader-subject")).toContainText(delivered[1].subject);
  await reader.part("list").focus();
  await page.keyboard.press("Delete");
  await expect(reader.rows("will-be-deleted")).toHaveCount(1);
});

test.describe("one mail server", () => {
  test.use({ worldOptions: { upstreams: ["mail"] } });

  test("is named and not asked for", async ({ world, page, reader }) => {
    await world.deliver(1);
    await expect(reader.part("upstream")).toBeHidden();
    await expect(reader.part("sign-in")).toContainText("mail");
    await new Reader(page).signIn({ password: world.password });
    await expect(reader.rows()).toHaveCount(1);
  });
});
