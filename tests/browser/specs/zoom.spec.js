// What people set for themselves: 400 % zoom, wider text, forced colours, less motion, and text that runs from right to left.

import { fileURLToPath } from "node:url";

import { expect, test } from "../fixtures/test.js";

const OUTPUT = fileURLToPath(new URL("../output/", import.meta.url));
/** 1280 × 1024 at 400 % (WCAG 2.2, 1.4.10). */
const ZOOMED = { width: 320, height: 256 };
const LONG = `Re: ${"laboratory results of the patient who was seen on Tuesday afternoon ".repeat(5)}`.slice(0, 300).trim();
const HEBREW = "תוצאות המעבדה של המטופל מיום שלישי";

const deliver = async (world) => {
  await world.deliver(6);
  await world.deliverText("From: \nSubject: \n\nNobody wrote nothing.\n");
  await world.deliverText(`From: "${HEBREW}" <lab@example.org>\nDate: Mon, 2 Mar 2026 09:00:00 +0000\nSubject: ${HEBREW}\nContent-Type: text/plain; charset=utf-8\n\n${HEBREW}\n`);
  await world.deliverText(`From: front.desk@example.org\nDate: Tue, 3 Mar 2026 09:00:00 +0000\nSubject: ${LONG}\n\n${"All of it.\n".repeat(40)}`);
};

const shot = (page, state) => page.screenshot({ path: `${OUTPUT}${state}.png` });

/** What `find` has to say of the elements that are seen, in the page and its shadow trees. */
const inAll = (page, find) => page.evaluate(`(${walk})(${find})`);

/** Runs in the page. */
function walk(find) {
  const said = [];
  const through = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) through(element.shadowRoot);
      const { visibility, display } = getComputedStyle(element);
      const box = element.getBoundingClientRect();
      if (visibility !== "visible" || display === "none" || box.width === 0 || box.height === 0) continue;
      const words = find(element, box);
      if (words) said.push(words);
    }
  };
  through(document);
  return said;
}

/** Controls that are smaller than 24 px either way and have no room around them, except within a sentence (WCAG 2.2, 2.5.8). */
const smallTargets = (page) =>
  inAll(page, (element, box) => {
    if (!element.matches("button, a[href], input, select, [role=option], summary") || element.closest("p.hint, .kept-here")) return null;
    const target = element.matches("input[type=checkbox], input[type=radio]") ? (element.closest(".check") ?? element).getBoundingClientRect() : box;
    return Math.min(target.width, target.height) < 24 ? `${element.dataset.testid ?? element.outerHTML.slice(0, 80)}: ${target.width} × ${target.height}` : null;
  });

/** Words that run out of their control or over the edge of what hides them, where neither an ellipsis says so nor anything scrolls. */
const cutOff = (page) =>
  inAll(page, (element) => {
    const texts = [...element.childNodes].filter((node) => node.nodeType === 3 && node.data.trim());
    const own = getComputedStyle(element);
    if (texts.length === 0 || own.clipPath !== "none" || own.textOverflow === "ellipsis") return null;
    const range = document.createRange();
    range.selectNodeContents(element);
    const words = range.getBoundingClientRect();
    const across = ({ left, right }) => words.left < left - 1 || words.right > right + 1;
    const down = ({ top, bottom }) => words.top < top - 1 || words.bottom > bottom + 1;
    const said = () => `${element.className || element.localName}: ${element.textContent.slice(0, 40)}`;
    const control = element.closest("button, .list-header, .reader-toolbar");
    if (control && (across(control.getBoundingClientRect()) || down(control.getBoundingClientRect()))) return said();
    for (let around = element; around; around = around.parentElement) {
      const { overflowX, overflowY, textOverflow } = getComputedStyle(around);
      if (textOverflow === "ellipsis" || /auto|scroll/.test(overflowY)) return null;
      const box = around.getBoundingClientRect();
      if ((overflowX === "hidden" && across(box)) || (overflowY === "hidden" && down(box))) return said();
    }
    return null;
  });

const fitsAcross = async (page) => {
  const [scroll, client] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  expect(scroll, "wider than the window").toBeLessThanOrEqual(client);
};

test.describe("at 400 %", () => {
  test.use({ contextOptions: { viewport: ZOOMED, reducedMotion: "reduce" } });

  test("signing in, reading and deleting have room", async ({ world, page, reader }) => {
    await deliver(world);
    await fitsAcross(page);
    await shot(page, "zoomed-first-visit");
    await reader.signedIn({ password: world.password });
    await fitsAcross(page);
    await shot(page, "zoomed-list");
    // At least one whole message is in sight, and all are reached.
    const list = await reader.part("list").boundingBox();
    expect(list.height).toBeGreaterThanOrEqual(64);
    await reader.part("list").focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("Enter");
    await expect(reader.part("reader-subject")).toBeVisible();
    await fitsAcross(page);
    await shot(page, "zoomed-message");
    const text = reader.part("reader-text");
    await text.scrollIntoViewIfNeeded();
    await expect(text).toBeInViewport();
    await reader.part("delete").click();
    await expect(reader.part("undo")).toBeInViewport();
    await shot(page, "zoomed-deleted");
    await reader.part("undo").click();
    await reader.part("back").click();
    await reader.part("settings-open").click();
    await expect(reader.part("storage")).not.toBeEmpty();
    await fitsAcross(page);
    await shot(page, "zoomed-settings");
    await reader.part("storage").scrollIntoViewIfNeeded();
    await expect(reader.part("storage")).toBeInViewport();
    await page.keyboard.press("Escape");
    await world.killRelay();
    await reader.part("check-mail").click();
    await expect(reader.part("error")).toBeVisible();
    await shot(page, "zoomed-relay-gone");
    const dismiss = reader.part("error").getByRole("button", { name: "Dismiss" });
    await dismiss.scrollIntoViewIfNeeded();
    await dismiss.click();
    await reader.lock();
    await fitsAcross(page);
    await shot(page, "zoomed-locked");
    await reader.part("unlock").scrollIntoViewIfNeeded();
    await expect(reader.part("unlock")).toBeInViewport();
    await reader.part("lock").getByRole("heading").scrollIntoViewIfNeeded();
    await expect(reader.part("lock").getByRole("heading")).toBeInViewport({ ratio: 1 });
  });
});

test.describe("in a window that is wide and low", () => {
  test.use({ contextOptions: { viewport: { width: 1280, height: 320 }, reducedMotion: "reduce" } });

  test("a card that has no room is scrolled to from its first word to its last", async ({ world, page, reader }) => {
    await reader.signIn({ user: "nobody", password: "wrong" });
    await expect(reader.part("error")).toBeVisible();
    for (const part of [page.getByRole("heading", { level: 1 }), reader.part("error"), reader.part("submit-sign-in")]) {
      await part.scrollIntoViewIfNeeded();
      await expect(part).toBeInViewport({ ratio: 1 });
    }
  });
});

for (const width of [320, 1280]) {
  test.describe(`${width} px`, () => {
    test.use({ contextOptions: { viewport: { width, height: 800 }, reducedMotion: "reduce" } });

    test("targets have 24 px, and wider text loses nothing", async ({ world, page, reader }) => {
      await deliver(world);
      // Text spacing of WCAG 2.2, 1.4.12, as a person's own style sheet sets it.
      const spaced = () =>
        page.evaluate(() => {
          const sheet = new CSSStyleSheet();
          sheet.replaceSync("* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; } p { margin-block-end: 2em !important; }");
          document.querySelector("poplar-mailbox").shadowRoot.adoptedStyleSheets.push(sheet);
        });
      const look = async (state) => {
        expect.soft(await smallTargets(page), state).toEqual([]);
        await spaced();
        await fitsAcross(page);
        await shot(page, `spaced-${state}-${width}`);
        expect.soft(await cutOff(page), state).toEqual([]);
        await page.evaluate(() => document.querySelector("poplar-mailbox").shadowRoot.adoptedStyleSheets.pop());
      };
      await expect(reader.part("submit-sign-in")).toBeVisible();
      await look("first-visit");
      await reader.signedIn({ password: world.password });
      await look("list");
      await reader.rows().filter({ hasText: "Re: laboratory" }).click();
      await expect(reader.part("reader-text")).toBeVisible();
      await look("message");
      await reader.part("delete").click();
      await expect(reader.part("undo")).toBeVisible();
      await look("deleted");
      await reader.part("undo").click();
      if (await reader.part("back").isVisible()) await reader.part("back").click();
      await reader.part("settings-open").click();
      await expect(reader.part("storage")).not.toBeEmpty();
      await look("settings");
      await page.keyboard.press("Escape");
      await reader.lock();
      await look("locked");
    });

    test("a subject from right to left runs that way, and the rest of its row does not", async ({ world, page, reader }) => {
      await deliver(world);
      await reader.signedIn({ password: world.password });
      const row = reader.row(HEBREW);
      await shot(page, `right-to-left-${width}`);
      const [subject, time] = await Promise.all([row.locator(".row-subject").boundingBox(), row.locator(".row-time").boundingBox()]);
      expect(time.x).toBeGreaterThan(subject.x);
      await row.click();
      await expect(reader.part("reader-subject")).toHaveText(HEBREW);
      await shot(page, `right-to-left-message-${width}`);
      const direction = (part) => part.evaluate((element) => getComputedStyle(element).direction);
      expect(await direction(reader.part("reader-subject"))).toBe("rtl");
      expect(await direction(reader.part("reader"))).toBe("ltr");
    });
  });
}

test("in forced colours states and the keyboard are seen by more than a ground", async ({ world, page, reader }) => {
  await page.emulateMedia({ forcedColors: "active", colorScheme: "dark", reducedMotion: "reduce" });
  await deliver(world);
  await shot(page, "forced-first-visit");
  const outline = (part) => part.evaluate((element) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    return outlineStyle === "none" ? 0 : parseFloat(outlineWidth);
  });
  expect(await outline(reader.part("user"))).toBeGreaterThanOrEqual(2);
  await reader.signedIn({ password: world.password });
  await reader.rows().nth(1).click();
  await expect(reader.part("reader-subject")).toBeVisible();
  await shot(page, "forced-message");
  expect(await outline(page.locator('[data-testid=row][aria-selected="true"]'))).toBeGreaterThanOrEqual(2);
  expect(await outline(reader.part("filter-inbox"))).toBeGreaterThanOrEqual(2);
  const dot = await reader.rows("new").first().evaluate((row) => getComputedStyle(row, "::before").backgroundColor);
  const ground = await reader.part("list").evaluate((list) => getComputedStyle(list.closest(".app")).backgroundColor);
  expect(dot, "the dot of what is not read").not.toBe(ground);
  await reader.part("delete").click();
  await expect(reader.part("undo")).toBeVisible();
  await shot(page, "forced-deleted");
  const border = (part) => part.evaluate((element) => [getComputedStyle(element).borderTopStyle, parseFloat(getComputedStyle(element).borderTopWidth)]);
  for (const part of ["undo", "check-mail"]) expect(await border(reader.part(part)), part).toEqual(["solid", 1]);
  await reader.part("settings-open").click();
  await expect(reader.part("storage")).not.toBeEmpty();
  await shot(page, "forced-settings");
  expect(await border(reader.part("settings"))).toEqual(["solid", 1]);
});

test("with less motion nothing moves", async ({ world, page, reader }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await world.deliver(20);
  await world.fault({ after: 60_000, then: "stall" });
  await reader.signIn({ password: world.password });
  await expect(reader.part("progress")).toContainText("of 20");
  await reader.rows().first().click();
  const moving = await inAll(page, (element) => {
    const { animationName, transitionDuration } = getComputedStyle(element);
    return animationName !== "none" || /[1-9]/.test(transitionDuration) ? element.className : null;
  });
  expect(moving).toEqual([]);
  expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
});
