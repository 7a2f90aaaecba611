// HTML mail as a person sees it: its pictures, its links, its styles, what it comes with, and what is said where something is not shown.

import { once } from "node:events";
import { createServer } from "node:http";

import { Reader } from "../fixtures/reader.js";
import { openMailbox } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGNggIL/EAAAEQIBAHKgbwcAAAAASUVORK5CYII=";

/** A message that is HTML alone. */
const htmlMail = (subject, html) =>
  `From: News <news@example.org>\nSubject: ${subject}\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n${html}\n`;

/** A message with all that a page may have to allow. */
const MAIL = `<style>p{color:red}</style><p style="color: rgb(1, 2, 3)">Formatted <b>words</b></p><img alt=Logo src="data:image/png;base64,${PNG}"><img src="https://pictures.example/a.png">`;

/** Delivers, signs in and opens the newest. @returns its document, as the frame has it */
async function opened(world, reader, subject, html) {
  await world.deliverText(htmlMail(subject, html));
  await reader.signedIn({ password: world.password });
  await reader.read(subject);
  return reader.page.frameLocator("[data-testid=reader-html]");
}

const styleOf = (locator, property) => locator.evaluate((element, property) => getComputedStyle(element)[property], property);

test.describe("remote images", () => {
  // Requests of a frame in a process of its own are not seen by the test.
  test.use({ contextOptions: { serviceWorkers: "block", flags: ["--disable-features=IsolateSandboxedIframes"] } });

  test("are counted, shown when they are asked for, over TLS alone, without a referrer, and for one message", async ({ world, profile, page, reader }) => {
    const asked = [];
    await profile.context.route(/pictures\.example/, (route) => {
      asked.push({ url: route.request().url(), referrer: route.request().headers().referer });
      return route.fulfill({ contentType: "image/png", body: Buffer.from(PNG, "base64") });
    });
    const mail = await opened(
      world,
      reader,
      "Spring",
      `<img src="https://pictures.example/a.png" alt="Logo"><img src="//pictures.example/b.png"><img src="http://pictures.example/c.png" alt="Plain">
       <table><tr><td style="background-image:url(https://pictures.example/d.png)">Words</td></tr></table><img src="https://pictures.example/a.png">`,
    );
    await expect(mail.getByText("[Logo]")).toBeVisible();
    await expect(reader.part("remote-images")).toContainText("4 remote images were not loaded");
    expect(asked).toEqual([]);

    await reader.part("show-images").click();
    await expect(mail.locator("img").first()).toHaveJSProperty("naturalWidth", 2);
    await expect(reader.part("remote-images")).toContainText("3 remote images are shown, for this message only.");
    await expect(reader.part("remote-images")).toContainText("1 remote image stays blocked");
    await expect(mail.getByText("[Plain]")).toBeVisible();
    await expect.poll(() => asked.map(({ url }) => url).sort()).toEqual(["a", "b", "d"].map((name) => `https://pictures.example/${name}.png`));
    expect(asked.every(({ referrer }) => referrer === undefined)).toBe(true);
    await expect(reader.part("remote-images")).toBeFocused();

    const before = asked.length;
    await reader.part("list").focus();
    await world.deliverText(htmlMail("Summer", '<img src="https://pictures.example/a.png">Summer words'));
    await reader.checkMail();
    await reader.read("Summer");
    await expect(mail.getByText("Summer words")).toBeVisible();
    await reader.read("Spring");
    await expect(mail.getByText("[Logo]")).toBeVisible();
    await expect(reader.part("show-images")).toBeVisible();
    expect(asked).toHaveLength(before);
    await page.getByRole("button", { name: "Plain text" }).click();
    await expect(reader.part("reader-text")).toContainText("Words");
    await expect(reader.part("reader-html")).toBeHidden();
  });
});

test("an inline picture is shown in its place, and is no attachment beside it", async ({ world, page, reader }) => {
  await world.deliverText(`From: news@example.org
Subject: Inline
MIME-Version: 1.0
Content-Type: multipart/related; boundary=b

--b
Content-Type: text/html

<p>Seen: <img src="cid:logo@news" alt="Logo" width="40"> <img src="cid:none@news" alt="Gone"></p>
--b
Content-Type: image/png; name="logo.png"
Content-ID: <logo@news>
Content-Disposition: inline; filename="logo.png"
Content-Transfer-Encoding: base64

${PNG}
--b
Content-Type: image/png; name="other.png"
Content-ID: <other@news>
Content-Transfer-Encoding: base64

${PNG}
--b--
`);
  await reader.signedIn({ password: world.password });
  await reader.read("Inline");
  const mail = page.frameLocator("[data-testid=reader-html]");
  await expect(mail.locator("img")).toHaveCount(1);
  await expect(mail.locator("img")).toHaveJSProperty("naturalWidth", 2);
  await expect(mail.getByText("[Gone]")).toBeVisible();
  await expect(reader.part("attachment")).toHaveCount(1);
  await expect(reader.part("attachment")).toContainText("other.png");
  await expect(reader.part("remote-images")).toHaveCount(0);
  // A picture that is shown was not saved by anybody.
  await reader.part("sign-out").click();
  await expect(reader.part("notice")).toBeVisible();
  const mailbox = await openMailbox(page, world);
  const { entries } = await mailbox.evaluate((mailbox) => mailbox.log());
  expect(entries.map(({ what }) => what).filter((what) => ["opened", "saved"].includes(what))).toEqual(["opened"]);
});

test("a link says where it leads, and where its words say another place; it opens without opener and referrer", async ({ world, profile, page, reader }) => {
  const mail = await opened(
    world,
    reader,
    "Links",
    `<p><a id=one href="https://elsewhere.example/a?b=c">Read on</a></p><p><a href="https://evil.example/x">www.bank.example/login</a></p>
     <p><a href="https://bank.example@evil.example/">Log in</a></p><p><a href="https://news.bank.example/">bank.example</a></p>
     <p><a href="https://files.example/1">report.pdf</a></p><p><a href="mailto:desk@example.com">desk@example.com</a></p>
     <p><a href="javascript:alert(1)">nothing</a></p>`,
  );
  const link = mail.getByRole("link", { name: "Read on" });
  await expect(link).toHaveAttribute("title", "Opens https://elsewhere.example/a?b=c");
  const target = mail.locator("[popover]").filter({ hasText: "https://elsewhere.example/a?b=c" });
  await expect(target).toBeHidden();
  await link.focus();
  await expect(target).toBeVisible();
  await mail.getByRole("link", { name: "Log in" }).hover();
  await expect(mail.locator("[popover]").filter({ hasText: "https://bank.example@evil.example/" })).toBeVisible();

  await expect(mail.locator("p").filter({ hasText: "www.bank.example/login" })).toContainText("opens evil.example");
  await expect(mail.locator("p").filter({ hasText: "Log in" })).toContainText("opens evil.example");
  for (const fair of ["Read on", "report.pdf", "desk@example.com", "nothing"]) await expect(mail.locator("p").filter({ hasText: fair })).toHaveText(fair);
  await expect(mail.locator("p").filter({ hasText: /^bank\.example$/ })).toBeVisible();
  expect(await mail.getByText("nothing").locator("xpath=self::a").getAttribute("href")).toBeNull();

  await profile.context.route(/elsewhere\.example/, (route) => route.fulfill({ contentType: "text/html", body: "<title>There</title>" }));
  const [popup] = await Promise.all([page.waitForEvent("popup"), link.click()]);
  await expect(popup).toHaveTitle("There");
  expect(await popup.evaluate(() => [opener, document.referrer, origin])).toEqual([null, "", "https://elsewhere.example"]);
});

test("its style sheets hold for its elements, in the order of the cascade, and for the width that there is", async ({ world, reader }) => {
  const mail = await opened(
    world,
    reader,
    "Styled",
    `<html><head><style>
      body { background-color: rgb(240, 240, 240) } .card td { color: rgb(1, 2, 3); padding: 7px } #x { color: rgb(4, 5, 6) }
      .card > td, p { text-align: right } p { color: rgb(7, 8, 9) !important } td { color: rgb(9, 9, 9) }
      @media (max-width: 50px) { p { font-size: 99px } } @media screen and (min-width: 50px) { p { font-size: 21px } }
      @media print { p { font-size: 5px } } p { position: fixed; opacity: 0 }
    </style></head><body><table class="card"><tr><td>first</td><td id="x">second</td><td style="color: rgb(6, 6, 6)">third</td></tr></table>
    <p style="color: red">words</p></body></html>`,
  );
  expect(await styleOf(mail.locator("body"), "backgroundColor")).toBe("rgb(240, 240, 240)");
  const cells = mail.locator("td");
  for (const [at, color] of ["rgb(1, 2, 3)", "rgb(4, 5, 6)", "rgb(6, 6, 6)"].entries()) expect(await styleOf(cells.nth(at), "color")).toBe(color);
  expect(await styleOf(cells.first(), "paddingLeft")).toBe("7px");
  const words = mail.locator("p");
  const found = await Promise.all(["color", "textAlign", "fontSize", "position", "opacity"].map((property) => styleOf(words, property)));
  expect(found).toEqual(["rgb(7, 8, 9)", "right", "21px", "static", "1"]);
  await expect(mail.locator("style")).toHaveCount(0);
});

test("what is not shown as it was sent keeps its words", async ({ world, reader }) => {
  const mail = await opened(
    world,
    reader,
    "Unwrapped",
    `<form action="https://evil.example/"><fieldset><legend>Survey</legend><label>Name <input value="Ann"></label><input type="hidden" value="secret">
     <select><option>one</option><option>two</option></select><textarea>typed</textarea><button>Send</button></fieldset></form>
     <x-card>custom</x-card><svg><text>drawn</text></svg><math><mi>x</mi></math><video>no video</video><map><area href="https://example.net/" alt="Shop"></map>`,
  );
  for (const words of ["Survey", "Name [Ann]", "one", "two", "typed", "Send", "custom", "drawn", "x", "no video"]) await expect(mail.locator("body")).toContainText(words);
  await expect(mail.getByRole("link", { name: "Shop" })).toHaveAttribute("href", "https://example.net/");
  await expect(mail.locator("body")).not.toContainText("secret");
  await expect(mail.locator("form, input, select, textarea, button, svg, math, video, x-card")).toHaveCount(0);
});

test("what would take a browser too long is shown as text, and that is said", async ({ world, reader }) => {
  const many = (markup) => Array.from({ length: 20_000 }, (_, at) => `${markup.replace("#", at)}\n`).join("");
  const bombs = {
    Formatting: `${many("<font size=#>")}${many("<p>words")}`,
    Crossed: many("<p><i id=#>words"),
    Fostered: `<table>${many("<b id=#>")}${many("<tr>words")}`,
    Deep: `${many("<div>")}words`,
  };
  for (const [subject, html] of Object.entries(bombs)) await world.deliverText(htmlMail(subject, html));
  await reader.signedIn({ password: world.password });
  for (const subject of Object.keys(bombs)) {
    await reader.read(subject);
    await expect(reader.part("host-note")).toContainText("too intricate");
    await expect(reader.part("reader-text")).toContainText("words");
  }
});

test("the modules for HTML are loaded with the first HTML message, and not for plain text", async ({ world, page, reader }) => {
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await world.deliverText("From: a@example.org\nSubject: Plain\n\nOn Monday you wrote:\n> quoted\n> lines\n\nAnswer: https://example.net/a.\n");
  await world.deliverText("From: a@example.org\nSubject: Hebrew\nContent-Type: text/plain; charset=utf-8\n\nשלום עולם\nand English\n");
  await world.deliverText(htmlMail("Formatted", '<html dir="rtl"><body><p>שלום</p></body></html>'));
  await reader.signedIn({ password: world.password });
  const loaded = () => asked.filter((path) => path.includes("/element/html/") || path.endsWith("en-html.js"));
  await reader.read("Plain");
  await expect(reader.part("reader-text").locator(".text-quote")).toHaveText("> quoted\n> lines");
  await expect(reader.part("reader-text").getByRole("link")).toHaveAttribute("href", "https://example.net/a");
  await reader.read("Hebrew");
  await expect(reader.part("reader-text")).toContainText("שלום");
  expect(await styleOf(reader.part("reader-text"), "direction")).toBe("rtl");
  expect(loaded()).toEqual([]);
  await reader.read("Formatted");
  const mail = page.frameLocator("[data-testid=reader-html]");
  await expect(mail.locator("p")).toHaveText("שלום");
  expect(await styleOf(mail.locator("p"), "direction")).toBe("rtl");
  expect(loaded().length).toBeGreaterThan(5);
});

test("an attachment is what its bytes are, and what it is said or named to be is told apart", async ({ world, page, reader }) => {
  const part = (type, name, bytes) =>
    `--b\nContent-Type: ${type}; name="${name}"\nContent-Disposition: attachment; filename="${name}"\nContent-Transfer-Encoding: base64\n\n${Buffer.from(bytes).toString("base64")}\n`;
  await world.deliverText(
    `From: a@example.org\nSubject: Attached\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nSee.\n${[
      part("text/plain", "notes.txt", "%PDF-1.7 notes"),
      part("application/octet-stream", "invoice.pdf", "MZ\x90\x00 not an invoice"),
      part("application/pdf", "fair.pdf", "%PDF-1.7 fair"),
      part("text/html", "page.html", "<script>top.ran=1</script>"),
    ].join("")}--b--\n`,
  );
  await reader.signedIn({ password: world.password });
  await reader.read("Attached");
  const about = reader.part("attachment").locator(".attachment-about");
  await expect(about.nth(0)).toContainText("PDF, sent as Text");
  await expect(about.nth(1)).toContainText("Windows program, although its name ends in pdf");
  await expect(about.nth(2)).toHaveText(/^PDF, \d+ B$/);
  const [file] = await Promise.all([page.waitForEvent("download"), reader.part("attachment").nth(3).click()]);
  expect(file.suggestedFilename()).toBe("page.html");
  expect(page.context().pages()).toHaveLength(page.context().pages().indexOf(page) + 1);
});

test.describe("where the page around it allows less", () => {
  test.use({ mayBlock: true, contextOptions: { serviceWorkers: "block" } });

  /** Signs in to a page whose policy is changed on its way, and opens the message. */
  async function under(world, profile, change) {
    await profile.context.route(`${world.origin}/`, async (route) => {
      const response = await route.fetch();
      const headers = response.headers();
      const policy = change(headers["content-security-policy"]);
      expect(policy).not.toBe(headers["content-security-policy"]);
      await route.fulfill({ response, headers: { ...headers, "content-security-policy": policy } });
    });
    const reader = new Reader(await profile.open());
    await world.deliverText(htmlMail("Restrained", MAIL));
    await reader.signedIn({ password: world.password });
    await reader.read("Restrained");
    return reader;
  }

  test("no style attributes: the message is plainer, and that is said", async ({ world, profile }) => {
    const reader = await under(world, profile, (policy) => policy.replace("style-src-attr 'unsafe-inline'; ", ""));
    await expect(reader.part("host-note")).toContainText("does not allow styles");
    const mail = reader.page.frameLocator("[data-testid=reader-html]");
    await expect(mail.getByText("Formatted words")).toBeVisible();
    await expect(mail.locator("[style]")).toHaveCount(0);
  });

  test("no images: they are missing, and that is said, also when remote ones are asked for", async ({ world, profile }) => {
    const reader = await under(world, profile, (policy) => policy.replace("img-src 'self' data: https:", "img-src 'self'"));
    await expect(reader.part("host-note")).toContainText("does not allow images");
    await expect(reader.page.frameLocator("[data-testid=reader-html]").getByText("Formatted words")).toBeVisible();
    await reader.part("show-images").click();
    await expect(reader.part("remote-images")).toContainText("does not allow remote images");
  });

  test("no remote images: that is said when they are asked for", async ({ world, profile }) => {
    const reader = await under(world, profile, (policy) => policy.replace(" https:;", ";"));
    await expect(reader.part("show-images")).toBeVisible();
    await expect(reader.part("host-note")).toHaveCount(0);
    await reader.part("show-images").click();
    await expect(reader.part("remote-images")).toContainText("does not allow remote images");
  });
});

test.describe("in a page elsewhere", () => {
  /** The least that a host has to allow, as the documentation has it. @param {string} relay @param {string} types */
  const least = (relay, types) =>
    `default-src 'none'; script-src ${relay} 'wasm-unsafe-eval'; connect-src ${relay} ${relay.replace("http", "ws")}; ` +
    `style-src-attr 'unsafe-inline'; img-src data: https:; require-trusted-types-for 'script'; trusted-types ${types}`;

  /** @type {import("node:http").Server} */
  let server;
  test.use({
    mayBlock: true,
    worldOptions: async ({}, use) => {
      server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      await use({ relay: ["--allow-origin", `http://127.0.0.1:${server.address().port}`] });
      server.closeAllConnections();
      server.close();
    },
  });

  async function embedded(world, profile, types) {
    server.on("request", (_, response) => {
      response.writeHead(200, { "content-type": "text/html", "content-security-policy": least(world.origin, types) });
      response.end(`<!doctype html><script type="module" src="${world.origin}/lib/poplar-mailbox.js"></script><poplar-mailbox style="display: block; height: 700px"></poplar-mailbox>`);
    });
    const page = await profile.context.newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    const reader = new Reader(page);
    await world.deliverText(htmlMail("Embedded", MAIL));
    await reader.signedIn({ password: world.password });
    await reader.read("Embedded");
    return reader;
  }

  test("that allows the least, mail is shown as it was sent", async ({ world, profile }) => {
    const reader = await embedded(world, profile, "poplar");
    const mail = reader.page.frameLocator("[data-testid=reader-html]");
    await expect(mail.getByText("Formatted words")).toBeVisible();
    expect(await styleOf(mail.locator("p"), "color")).toBe("rgb(1, 2, 3)");
    await expect(mail.getByAltText("Logo")).toHaveJSProperty("naturalWidth", 2);
    await expect(reader.part("host-note")).toHaveCount(0);
  });

  test("that does not allow the policy for Trusted Types, there is the text, and that is said", async ({ world, profile }) => {
    const reader = await embedded(world, profile, "others");
    await expect(reader.part("host-note")).toContainText("does not allow formatted mail");
    await expect(reader.part("reader-text")).toContainText("Formatted words");
    await expect(reader.part("reader-html")).toHaveCount(0);
  });
});
