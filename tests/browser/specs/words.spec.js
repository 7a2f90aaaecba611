// Every language says the same: the same keys, the same places in each sentence, the same plural forms; and what the code says is there.

import { readdirSync, readFileSync } from "node:fs";

import { Reader } from "../fixtures/reader.js";
import { expect, test } from "../fixtures/test.js";

const ELEMENT = new URL("../../../web/lib/element/", import.meta.url);
const STRINGS = new URL("strings/", ELEMENT);
const files = readdirSync(STRINGS);
const words = async (file) => (await import(new URL(file, STRINGS))).default;
const parts = (language) => files.filter((file) => new RegExp(`^${language}(-[a-z]+)*\\.js$`).test(file)).sort();

/** The forms of an entry by name; a plain sentence is its own only form. */
const formsOf = (entry) => (typeof entry === "string" ? { sentence: entry } : entry);
const placesOf = (text) => [...new Set(text.match(/\{\w+\}/g))].sort();
/** Forms may leave out the number ("Every minute"), and nothing else. */
const placesOfAll = (entry) => [...new Set(Object.values(formsOf(entry)).flatMap(placesOf))].sort();

test("each file of English has its like in Spanish, key by key and place by place", async () => {
  expect(parts("es").map((file) => file.replace("es", "en"))).toEqual(parts("en"));
  for (const file of parts("en")) {
    const [english, spanish] = [await words(file), await words(file.replace("en", "es"))];
    expect(Object.keys(spanish).sort(), file).toEqual(Object.keys(english).sort());
    for (const [key, entry] of Object.entries(english)) {
      expect(Object.keys(formsOf(spanish[key])), key).toEqual(Object.keys(formsOf(entry)));
      expect(placesOfAll(spanish[key]), key).toEqual(placesOfAll(entry));
      for (const [form, text] of Object.entries(formsOf(spanish[key]))) {
        expect(text.trim() === "", `${key}, ${form}`).toBe(formsOf(entry)[form].trim() === "");
      }
    }
  }
});

test("what the page around the element says, it says in both", async () => {
  const { WORDS } = await import(new URL("../../../web/page/words.js", import.meta.url));
  const code = readFileSync(new URL("../../../web/page/accounts.js", import.meta.url), "utf8");
  const named = [...code.matchAll(/\bt\("(accounts\.\w+)"\)/g)].map(([, key]) => key);
  for (const language of ["en", "es"]) {
    expect(Object.keys(WORDS[language]).sort(), language).toEqual([...new Set(named)].sort());
    for (const [key, text] of Object.entries(WORDS[language])) expect(placesOf(text), key).toEqual(placesOf(WORDS.en[key]));
  }
});

test("what is fetched for Spanish has every part, and no key is in two of them", async () => {
  const all = Object.assign({}, ...(await Promise.all(parts("es").map(words))));
  expect(await words("spanish.js")).toEqual(all);
  const keys = (await Promise.all(parts("en").map(words))).flatMap(Object.keys);
  expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([]);
});

test("every key that the code names is there, and none is there that it does not name", async () => {
  const keys = new Set((await Promise.all(parts("en").map(words))).flatMap(Object.keys));
  const spaces = new Set([...keys].map((key) => key.split(".")[0]));
  const code = readdirSync(ELEMENT, { recursive: true })
    .filter((file) => file.endsWith(".js") && !file.startsWith("strings") && !/(^|[-/])styles\.js$/.test(file))
    .map((file) => readFileSync(new URL(file, ELEMENT), "utf8"))
    .join("\n");
  const named = new Set([...code.matchAll(/"([a-zA-Z]+(?:\.[\w-]+)+)"/g)].map(([, key]) => key).filter((key) => spaces.has(key.split(".")[0])));
  // What an error has to say is put together from its code and these three.
  const SAID = /\.(title|meaning|action)$/;
  expect([...named].filter((key) => !keys.has(key) && !keys.has(`${key}.title`)), "named and not there").toEqual([]);

  // `order.${name}` names every key of that form.
  const part = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const patterns = [...code.matchAll(/`([a-zA-Z]+\.(?:[^`$]|\$\{[^}]*\})*)`/g)].map(([, template]) => {
    const pattern = template.split(/\$\{[^}]*\}/).map(part).join(".+");
    return new RegExp(`^${pattern}${template.startsWith("error.") ? "\\.(title|meaning|action)" : ""}$`);
  });
  const isNamed = (key) => code.includes(`"${key}"`) || (key.startsWith("error.") && named.has(key.replace(SAID, "")));
  const unused = [...keys].filter((key) => !isNamed(key) && !patterns.some((pattern) => pattern.test(key)));
  expect(unused, "there and not named").toEqual([]);
});

test.describe("in a Spanish browser", () => {
  test.use({ contextOptions: { locale: "es-US" } });

  test("the page speaks Spanish, and says so to whatever reads it out", async ({ world, page, reader }) => {
    await world.deliver(2);
    await expect(page.locator("html")).toHaveAttribute("lang", "es-US");
    await expect(page.locator("poplar-mailbox .app")).toHaveAttribute("lang", "es-US");
    await expect(reader.part("submit-sign-in")).toHaveText("Iniciar sesión");
    await reader.signedIn({ password: world.password });
    await expect(reader.part("check-mail")).toContainText("Revisar el correo");
    await expect(reader.rows("new").first()).toContainText("Nuevo");
    await reader.part("settings-open").click();
    await expect(reader.part("settings")).toContainText("Qué se descarga");
    await expect(reader.part("settings")).toHaveAttribute("lang", "es-US");
    await page.keyboard.press("Escape");
    await reader.lock();
    await expect(reader.part("unlock")).toHaveText("Desbloquear");
  });

  test("English is spoken where the Spanish words do not come", async ({ world, profile }) => {
    await profile.context.route("**/strings/spanish.js", (route) => route.abort());
    const reader = new Reader(await profile.open());
    await expect(reader.part("submit-sign-in")).toHaveText("Sign in");
    await expect(reader.page.locator("html")).toHaveAttribute("lang", "en");
    await reader.signIn({ password: world.password });
    await reader.idle();
  });
});

test("an English reader fetches no Spanish before choosing it; the choice is kept, and the element's own language goes before it", async ({ world, page, profile, reader }) => {
  const asked = [];
  profile.context.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await page.reload();
  await expect(reader.part("submit-sign-in")).toHaveText("Sign in");
  await page.waitForLoadState("networkidle");
  expect(asked.filter((path) => /strings\/(es|spanish)/.test(path))).toEqual([]);

  await reader.part("user").fill("ann");
  const choice = reader.part("language-es");
  await expect(choice).toHaveText("Español");
  await expect(choice).toHaveAttribute("lang", "es");
  await choice.press("Enter");
  await expect(reader.part("submit-sign-in")).toHaveText("Iniciar sesión");
  await expect(reader.part("user")).toHaveValue("ann");
  await expect(reader.part("password")).toBeFocused();
  await expect(page.locator("html")).toHaveAttribute("lang", "es");

  await page.reload();
  await expect(reader.part("submit-sign-in")).toHaveText("Iniciar sesión");
  await page.locator("poplar-mailbox").evaluate((element) => element.setAttribute("lang", "en"));
  await expect(reader.part("submit-sign-in")).toHaveText("Sign in");
  await expect(reader.part("language-es")).toBeHidden();
  await page.locator("poplar-mailbox").evaluate((element) => element.removeAttribute("lang"));
  await reader.part("language-en").click();
  await expect(reader.part("submit-sign-in")).toHaveText("Sign in");
  expect(await page.evaluate(() => localStorage.getItem("poplar:language"))).toBe("en");
});
