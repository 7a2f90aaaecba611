// Checks by themselves, as the page shows them: when the next one is, what went wrong, and what another window does.

import { Reader } from "../fixtures/reader.js";
import { expect, test } from "../fixtures/test.js";

const MINUTE = 60_000;

/** Signs in, and has the mailbox checked every so many minutes. The clock is the test's. */
async function every(minutes, world, reader, { upstream = "mail" } = {}) {
  await reader.page.clock.install();
  // A clock that is turned is a computer that slept: that is for sealed-lock.spec.js.
  await reader.page.evaluate(() => document.querySelector("poplar-mailbox").setAttribute("lock-after", "0"));
  await reader.signIn({ upstream, password: world.password });
  await reader.idle();
  await reader.part("settings-open").click();
  await reader.part("every").selectOption(String(minutes));
  await reader.part("settings-save").click();
  await expect(reader.part("settings")).toHaveCount(0);
  await expect(reader.part("next-check")).toContainText("Next check");
}

const pass = (page, minutes) => page.clock.fastForward(minutes * MINUTE);
/** How often the scripted server saw a command. */
const sent = async (world, command) => (await world.harness.call("scriptedLog")).filter((line) => line.startsWith(command)).length;
const problem = (reader) => reader.part("error");

test("the next check is announced, comes, and what it brings is shown", async ({ world, page, reader }) => {
  await world.deliver(2);
  await every(15, world, reader);
  await expect(reader.part("next-check")).toContainText(/Next check \d+:\d\d/);
  const before = await reader.part("next-check").textContent();
  await world.deliver(1, { from: 2 });
  await pass(page, 15);
  expect(await world.session(2)).toMatchObject({ retr: 1, quit: true });
  await expect(reader.rows()).toHaveCount(3);
  await expect(page.getByText(/1 new, checked/).first()).toBeVisible();
  await expect(reader.part("next-check")).not.toHaveText(before);
});

test("a relay that goes is tried again by itself, counted down, and at once when asked", async ({ world, page, reader }) => {
  await world.deliver(2);
  await every(15, world, reader);
  // A check that the setting has just begun would be cut instead.
  await expect(reader.part("next-check")).not.toBeEmpty();
  await world.killRelay();
  await reader.part("check-mail").click();
  await expect(problem(reader)).toHaveAttribute("data-code", "relay-unreachable");
  await expect(problem(reader)).toContainText("All 2 messages are stored here.");
  await expect(reader.part("countdown")).toHaveText(/^Trying again in \d+ s\.$/);
  await world.restartRelay();
  await page.getByRole("button", { name: "Try now" }).click();
  await reader.idle();
  await expect(problem(reader)).toHaveCount(0);
  expect(await world.session(2)).toMatchObject({ quit: true });

  // And without being asked.
  await world.killRelay();
  await pass(page, 15);
  await expect(reader.part("countdown")).toBeVisible();
  await world.restartRelay();
  await page.clock.fastForward(10_000);
  await expect(problem(reader)).toHaveCount(0);
  expect(await world.session(3)).toMatchObject({ quit: true });
});

test("the first sync that is cut is tried again too, where checks are on", async ({ world, page, reader }) => {
  for (let seed = 1; seed <= 4; seed++) await world.deliverLarge(400_000, { seed });
  await every(15, world, reader);
  for (let seed = 5; seed <= 8; seed++) await world.deliverLarge(400_000, { seed });
  await world.fault({ after: 1_000_000, then: "reset" });
  await reader.part("check-mail").click();
  await expect(problem(reader)).toContainText(/\d of 8 messages are stored here; the rest are still on the server\. Trying again in \d+ s\./);
  await world.fault({});
  await page.clock.fastForward(10_000);
  await expect(problem(reader)).toHaveCount(0);
  await expect(reader.rows("new")).toHaveCount(8);
});

test("offline is said, and over by itself", async ({ world, profile, page, reader }) => {
  await world.deliver(1);
  await every(15, world, reader);
  await profile.context.setOffline(true);
  await expect(reader.part("notice")).toContainText("This computer is offline.");
  await pass(page, 45);
  expect(await world.endedSessions()).toBe(1);
  await profile.context.setOffline(false);
  await expect(reader.part("notice")).toHaveCount(0);
  expect(await world.session(2)).toMatchObject({ quit: true });
});

test("a check by itself can be cancelled, and goes on after one by hand", async ({ world, page, reader }) => {
  await world.deliver(1);
  await every(15, world, reader);
  await world.deliverLarge(400_000);
  await world.fault({ after: 200_000, then: "stall" });
  await pass(page, 15);
  await world.faults(1);
  await reader.part("cancel-sync").click();
  await expect(reader.part("notice")).toContainText("Automatic checks go on after your next check for mail.");
  await expect(reader.part("next-check")).toBeEmpty();
  await world.fault({});
  await reader.checkMail();
  await expect(reader.part("next-check")).toContainText("Next check");
});

test("what another window does is shown, and who checks", async ({ world, profile, page, reader }) => {
  await world.deliver(1);
  await every(15, world, reader);
  const other = new Reader(await profile.open());
  await other.signIn({ user: null, password: world.password });
  await other.idle();
  await expect(other.part("next-check")).toContainText("Another window checks");

  await world.deliverLarge(400_000);
  await world.fault({ after: 200_000, then: "stall" });
  await reader.part("check-mail").click();
  await world.faults(1);
  await expect(other.part("elsewhere")).toContainText("Another window is checking.");
  await world.fault({});
  await world.release();
  await reader.idle();
  await expect(other.part("elsewhere")).toHaveCount(0);
  await expect(other.rows()).toHaveCount(2);
});

test.describe("what the server says", () => {
  test.use({ worldOptions: { transcript: "uids-renamed" } });

  test("in use and login delay: in its own words, with the time of the next try", async ({ world, reader }) => {
    await every(1, world, reader, { upstream: "scripted" });
    for (const [transcript, words] of [
      ["pass-refused-in-use", "[IN-USE] maildrop already locked"],
      ["pass-refused-login-delay", "[LOGIN-DELAY] minimum time between mail checks violation"],
    ]) {
      await world.play(transcript);
      await reader.part("check-mail").click();
      await expect(problem(reader).locator("q")).toHaveText(words);
      await expect(reader.part("countdown")).toHaveText(/Trying again (in \d+ s|at \d+:\d\d)/);
    }
  });

  test("a password that is refused meanwhile is asked for, and not repeated", async ({ world, page, reader }) => {
    await every(1, world, reader, { upstream: "scripted" });
    await world.play("pass-refused-auth");
    await pass(page, 1);
    await expect(problem(reader)).toHaveAttribute("data-code", "auth-failed");
    await expect(reader.rows()).toHaveCount(3);
    await pass(page, 60);
    expect(await sent(world, "PASS")).toBe(1);

    await page.getByRole("button", { name: "Sign in again" }).click();
    await expect(reader.part("password-dialog")).toContainText("ann");
    await reader.part("new-password").fill("of no use either");
    await reader.part("submit-password").click();
    await expect.poll(() => sent(world, "PASS")).toBe(2);
    await reader.idle();
    await expect(problem(reader)).toHaveAttribute("data-code", "auth-failed");

    await world.play("uids-renamed");
    await page.getByRole("button", { name: "Sign in again" }).click();
    await reader.part("new-password").fill(world.password);
    await reader.part("submit-password").click();
    await expect(problem(reader)).toHaveCount(0);
    await expect(reader.part("next-check")).toContainText("Next check");
  });

  test("new names for known messages are explained, and nothing is downloaded again", async ({ world, reader }) => {
    await reader.signIn({ upstream: "scripted", password: world.password });
    await reader.idle();
    await expect(reader.rows("new")).toHaveCount(3);
    await world.harness.call("scriptedSync", { sync: 1 });
    await reader.checkMail();
    await expect(reader.part("notice")).toContainText("The server has given 3 messages new names.");
    expect(await sent(world, "RETR")).toBe(0);
    await expect(reader.rows()).toHaveCount(3);
    await reader.read("one");
    await expect(reader.part("reader")).toContainText("The server has given it a new name since.");
    await reader.page.getByRole("button", { name: "Dismiss" }).click();
    await expect(reader.part("notice")).toHaveCount(0);
  });
});
