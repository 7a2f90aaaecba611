// Copies of a mailbox, saved and taken in by a person.

import { copyFile, readFile } from "node:fs/promises";

import { openMailbox, rawHashes, sorted } from "../fixtures/library.js";
import { Reader } from "../fixtures/reader.js";
import { expect, test } from "../fixtures/test.js";

async function signedIn(world, reader, options = {}) {
  await reader.signIn({ password: world.password, ...options });
  await reader.idle();
}

async function openSettings(reader) {
  await reader.part("settings-open").click();
  await expect(reader.part("settings")).toBeVisible();
}

/** What a browser does that lets no page write a file by itself: it downloads. */
const withoutPicker = () => delete globalThis.showSaveFilePicker;

/** Chooses a file of the page's own storage where a person would choose one: what writes to it is real. */
const withPicker = () => {
  globalThis.showSaveFilePicker = async ({ suggestedName }) => {
    const folder = await navigator.storage.getDirectory();
    globalThis.chosen = await folder.getFileHandle(suggestedName, { create: true });
    return chosen;
  };
};

async function download(page, click) {
  const [file] = await Promise.all([page.waitForEvent("download"), click()]);
  return { name: file.suggestedFilename(), path: await file.path() };
}

async function choose(page, click, path) {
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), click()]);
  await chooser.setFiles(path);
}

async function loseDatabases(page) {
  await page.evaluate(async () => {
    for (const { name } of await indexedDB.databases()) {
      const request = indexedDB.deleteDatabase(name);
      await new Promise((resolve, reject) => Object.assign(request, { onsuccess: resolve, onerror: reject }));
    }
  });
}

test("a copy is saved, lost mail comes back from it, and nothing is downloaded again", async ({ world, profile }) => {
  await profile.context.addInitScript(withoutPicker);
  const page = await profile.open();
  const reader = new Reader(page);
  await world.deliver(6);
  await signedIn(world, reader);
  await openSettings(reader);
  const { name, path } = await download(page, () => reader.part("copy-save").click());
  // Nothing in it tells whose it is.
  expect(name).toMatch(/^mailbox-\d{4}-\d\d-\d\d\.zip$/);
  await expect(reader.part("copy-state")).toContainText(/^6 messages were saved, \d/);
  await page.keyboard.press("Escape");
  await reader.part("sign-out").click();
  await expect(reader.part("sign-in")).toBeVisible();
  const saved = `${path}.zip`;
  await copyFile(path, saved);

  await loseDatabases(page);
  await page.reload();
  await reader.signIn({ password: world.password });
  await expect(reader.part("lost")).toContainText("6 messages were stored");
  await choose(page, () => reader.part("lost-import").click(), saved);
  await expect(reader.part("copy-state")).toHaveText("6 messages were added.");
  await reader.part("import-close").click();
  await reader.idle();
  await expect(reader.rows("new")).toHaveCount(6);
  expect((await world.session(2)).retr).toBe(0);
  await reader.rows().first().click();
  await expect(reader.part("reader")).toContainText("It comes from a copy that was imported.");
  const mailbox = await openMailbox(await profile.open(), world);
  expect(await rawHashes(mailbox)).toEqual(sorted(await world.stored()));
});

test("what is saved goes straight into the file that was chosen, and stops when told to", async ({ world, profile }) => {
  await profile.context.addInitScript(withPicker);
  const page = await profile.open();
  const reader = new Reader(page);
  await world.deliver(3);
  await signedIn(world, reader);
  await openSettings(reader);
  await reader.part("copy-format").selectOption("mbox");
  await reader.part("copy-save").click();
  await expect(reader.part("copy-state")).toContainText("3 messages were saved");
  const text = await page.evaluate(async () => (await chosen.getFile()).text());
  expect(text.match(/^From /gm)).toHaveLength(3);

  // What takes the stream takes one piece, and then no more.
  await page.evaluate(() => {
    const { pipeTo } = ReadableStream.prototype;
    globalThis.held = false;
    ReadableStream.prototype.pipeTo = function (to, options) {
      const slow = new TransformStream({
        transform: (piece, controller) => {
          controller.enqueue(piece);
          held = true;
          return new Promise(() => {});
        },
      });
      return pipeTo.call(this.pipeThrough(slow), to, options);
    };
  });
  await reader.part("copy-save").click();
  await expect.poll(() => page.evaluate(() => held)).toBe(true);
  await expect(reader.part("copy-state")).toContainText(/Saving \d of 3/);
  await expect(reader.part("copy-save")).toBeDisabled();
  // Not by accident.
  await page.keyboard.press("Escape");
  await expect(reader.part("settings")).toBeVisible();
  await reader.part("copy-cancel").click();
  await expect(reader.part("copy-state")).toHaveText("Stopped. The file is not complete.");
  await expect(reader.part("copy-save")).toBeEnabled();
});

test("the list of messages goes out and in, and what is no copy is refused in words", async ({ world, profile }) => {
  await profile.context.addInitScript(withoutPicker);
  const page = await profile.open();
  const reader = new Reader(page);
  await world.deliver(3);
  await signedIn(world, reader);
  await openSettings(reader);
  const { name, path } = await download(page, () => reader.part("copy-table").click());
  expect(name).toMatch(/^mailbox-\d{4}-\d\d-\d\d\.json$/);
  const table = await readFile(path);
  const file = (bytes, name) => ({ name, mimeType: "application/octet-stream", buffer: bytes });
  await choose(page, () => reader.part("copy-import").click(), file(table, "table.json"));
  await expect(reader.part("copy-state")).toHaveText("0 messages were added. 3 were known here already.");
  await choose(page, () => reader.part("copy-import").click(), file(Buffer.from("no zip"), "holiday.zip"));
  await expect(reader.part("copy-state")).toContainText("This file could not be imported.");
  await expect(reader.part("copy-import")).toBeEnabled();
});
