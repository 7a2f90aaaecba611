// What leaves the page as a file, as source, or on paper.

import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";

import { openMailbox } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

const NAMES = ["scan.pdf", "SCAN.pdf", "../../etc/passwd", "con.txt", "a\u202efdp.exe"];
const part = (name, place) =>
  `--b\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename*=utf-8''${encodeURIComponent(name)}\nContent-Transfer-Encoding: base64\n\n` +
  `${Buffer.from(`file ${place} \0\xff`, "latin1").toString("base64")}\n`;
const MAIL = `From: Lab <lab@example.org>\nTo: ann@example.org\nSubject: Files\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nSee the files.\n${NAMES.map(part).join("")}--b--\n`;

async function saved(page, act) {
  const [download] = await Promise.all([page.waitForEvent("download"), act()]);
  return { name: download.suggestedFilename(), path: await download.path() };
}

test("all attachments as one zip that another program reads, under names that lead nowhere", async ({ world, page, reader }) => {
  await world.deliverText(MAIL);
  await reader.signedIn({ password: world.password });
  await reader.read("Files");
  const { name, path } = await saved(page, () => reader.part("save-all").click());
  expect(name).toMatch(/^message-.*\.zip$/);
  const script = "import json, sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\nprint(json.dumps([[n, z.read(n).decode('latin1')] for n in z.namelist()]))";
  const files = JSON.parse(execFileSync("python3", ["-c", script, path], { encoding: "utf8" }));
  expect(files).toEqual([
    ["scan.pdf", "file 0 \0\xff"],
    ["SCAN (2).pdf", "file 1 \0\xff"],
    ["_.._etc_passwd", "file 2 \0\xff"],
    ["_con.txt", "file 3 \0\xff"],
    ["afdp.exe", "file 4 \0\xff"],
  ]);
});

test("names of files in one folder: no two are one, however many were alike, or look like one that was numbered", async () => {
  const { fileNames } = await import(new URL("../../../web/lib/mail/file-names.js", import.meta.url));
  expect(fileNames(["a.pdf", "A (2).pdf", "a.pdf", "a.pdf", "a (3).pdf"])).toEqual(["a.pdf", "A (2).pdf", "a (3).pdf", "a (4).pdf", "a (3) (2).pdf"]);
  // Looking from the first number for each would take minutes.
  const many = fileNames(Array(50_000).fill("scan.pdf"));
  expect(new Set(many).size).toBe(50_000);
  expect(many.at(-1)).toBe("scan (50000).pdf");
});

test("the .eml is the server's octets, and the source shows them all as text", async ({ world, page, reader }) => {
  const long = `From: <a@example.org>\nSubject: <b>Source</b>\nContent-Type: text/html\n\n<script>globalThis.ran = true</script>\n${"A líne of a long message.\n".repeat(12_000)}The very end.\n`;
  await world.deliverText(long);
  await reader.signedIn({ password: world.password });
  await reader.rows().first().click();
  await expect(reader.part("save-eml")).toBeEnabled();
  const { path } = await saved(page, () => reader.part("save-eml").click());
  expect((await readFile(path, "utf8")).replaceAll("\r\n", "\n")).toContain(long.slice(long.indexOf("Subject")));
  await reader.part("source-open").click();
  const text = reader.part("source-text");
  await expect(text).toContainText("Subject: <b>Source</b>");
  await expect(text).toContainText("<script>globalThis.ran = true</script>");
  const more = reader.part("source-more");
  await expect.poll(async () => {
    // It is gone with the last piece, maybe just when it is to be pressed.
    await more.click({ timeout: 1_000 }).catch(() => {});
    return more.isHidden();
  }).toBe(true);
  await expect(text).toContainText("The very end.");
  // Characters and line ends that lie where one piece ends and the next begins are whole.
  expect(await text.textContent()).not.toMatch(/[\u00c3\ufffd\u240d]/);
  expect(await text.locator("b, script").count()).toBe(0);
  expect(await page.evaluate(() => globalThis.ran)).toBe(undefined);
  await page.keyboard.press("Escape");
  await expect(reader.part("source")).toHaveCount(0);
});

test("on paper there is the message and nothing else, to its end", async ({ world, page, reader }) => {
  await world.deliverText(`From: Lab <lab@example.org>\nTo: ann@example.org\nSubject: Printed\n\n${"A line.\n".repeat(3000)}The very end.\n`);
  await world.deliver(1);
  await reader.signedIn({ password: world.password });
  const paper = reader.part("paper");
  await page.emulateMedia({ media: "print" });
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  await expect(paper).toHaveText("No message was open to be printed.");
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  await expect(paper).toHaveCount(0);
  await page.emulateMedia({ media: "screen" });
  await reader.read("Printed");
  await expect(reader.part("reader-text")).toContainText("The very end.");
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  await page.emulateMedia({ media: "print" });
  await expect(paper).toBeVisible();
  for (const line of ["Printed", "Lab <lab@example.org>", "ann@example.org", "The very end."]) await expect(paper).toContainText(line);
  for (const other of ["list", "reader", "lock-now"]) await expect(reader.part(other)).toBeHidden();
  const pdf = (await page.pdf()).toString("latin1");
  expect((pdf.match(/\/Type\s*\/Page\b/g) ?? []).length).toBeGreaterThan(20);
  await page.emulateMedia({ media: "screen" });
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  await expect(paper).toHaveCount(0);
});

test("a message of which only the headers are wanted is retrieved when somebody asks", async ({ world, page, reader }) => {
  await world.deliverLarge(300_000, { seed: 1 });
  const mailbox = await openMailbox(page, world);
  await mailbox.evaluate(async (mailbox) => {
    await mailbox.setPolicy({ retrieve: { under: 100_000 } });
    await mailbox.close();
  });
  await reader.signedIn({ password: world.password });
  await expect(reader.rows("headers")).toHaveCount(1);
  await reader.rows().first().click();
  await reader.part("retrieve-now").click();
  await expect(reader.part("reader-text")).not.toBeEmpty();
  await expect(reader.rows("stored")).toHaveCount(1);
});

test("a delivery report says in words what became of the message, the server's own below", async ({ world, reader }) => {
  await world.deliverText(`From: MAILER-DAEMON@example.org
Subject: Undelivered
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

The following address failed.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.org

Final-Recipient: rfc822; dr@clinic.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 No such user
--b--
`);
  await reader.signedIn({ password: world.password });
  await reader.read("Undelivered");
  const report = reader.part("reports").locator("li");
  await expect(report).toHaveCount(1);
  await expect(report).toContainText("Could not be delivered to dr@clinic.example. Code 5.1.1.");
  await expect(report.locator("blockquote")).toContainText("No such user");
});
