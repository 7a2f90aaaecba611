// The files of export and import, without a browser: as other programs read them, and as somebody may have made them to do harm.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";

import { expect, test } from "@playwright/test";

import { MailError } from "../../../web/lib/mail/errors.js";
import { mboxMessage } from "../../../web/lib/mail/backup/mbox.js";
import { readTable, tableLines, tablePieces } from "../../../web/lib/mail/backup/table.js";
import { Damaged, ZipReader } from "../../../web/lib/mail/backup/zip-reader.js";
import { ZipWriter } from "../../../web/lib/mail/backup/zip-writer.js";
import { collect, installed, mboxAsPythonReadsIt, sha256, withFile, zipAsPythonReadsIt, zipOf } from "../fixtures/archives.js";

const hasPython = installed("python3");

const FILES = [
  ["messages/000001.eml", "From: a@example.org\r\n\r\nOne\r\n"],
  ["messages/größe.eml", "two ", "and \0\xff ", "three"],
  ["messages/empty.eml"],
];

/** What a reader makes of a zip: by name the SHA-256 of what it holds, or "damaged". */
async function read(zip) {
  const reader = await ZipReader.open(new Blob([zip]));
  const found = {};
  for (const [name, entry] of reader.entries) {
    found[name] = await collect(reader.read(entry)).then(sha256, (error) => {
      expect(error).toBeInstanceOf(Damaged);
      return "damaged";
    });
  }
  return found;
}

const contents = (files) => Object.fromEntries(files.map(([name, ...pieces]) => [name, sha256(pieces.join(""))]));

/** That a zip is refused before anything of it is read, and why. */
async function refused(zip) {
  const error = await ZipReader.open(new Blob([zip])).then(() => null, (error) => error);
  expect(error).toBeInstanceOf(MailError);
  expect(error.code).toBe("invalid-argument");
  return error.message;
}

/** A copy of `zip` in which the number at `at` is another. */
function changed(zip, at, value, octets = 4) {
  const copy = Buffer.from(zip);
  copy.writeUIntLE(value, at, octets);
  return copy;
}

/** Where the records of the list begin, and the record at the end. */
function places(zip) {
  const end = zip.length - 22;
  const list = [];
  for (let at = zip.readUInt32LE(end + 16); at < end; at += 46 + zip.readUInt16LE(at + 28) + zip.readUInt16LE(at + 30)) list.push(at);
  return { list, end };
}

test.describe("zip", () => {
  test("other programs read what is written, byte for byte", async () => {
    const zip = await zipOf(FILES);
    expect(await read(zip)).toEqual(contents(FILES));
    if (hasPython) {
      const at = Date.parse("2024-03-12T09:41:20Z") / 1000;
      expect(zipAsPythonReadsIt(zip)).toEqual(FILES.map(([name]) => ({ name, sha256: contents(FILES)[name], at })));
    }
    if (installed("unzip")) expect(withFile(zip, (path) => String(execFileSync("unzip", ["-t", path])))).toContain("No errors detected");
  });

  test("more entries than the first zip can count", async () => {
    test.setTimeout(240_000);
    const files = Array.from({ length: 70_000 }, (_, n) => [`messages/${n}.eml`, String(n)]);
    const zip = await zipOf(files);
    const reader = await ZipReader.open(new Blob([zip]));
    expect(reader.entries.size).toBe(70_000);
    expect(String(await collect(reader.read(reader.entries.get("messages/69999.eml"))))).toBe("69999");
    if (hasPython) expect(zipAsPythonReadsIt(zip).at(-1)).toMatchObject({ name: "messages/69999.eml", sha256: sha256("69999") });
  });

  test("what another program packed is read", async () => {
    test.skip(!installed("zip") || !hasPython);
    const text = Array.from({ length: 50_000 }, (_, n) => `line ${n}\r\n`).join("");
    const zipped = withFile(text, (path, folder) => {
      execFileSync("zip", ["-9", "-j", "-q", join(folder, "out.zip"), path]);
      // With Zip64 fields where there need be none, a folder, and a comment at its end.
      const wide = `import sys, zipfile
z = zipfile.ZipFile(sys.argv[2], "w", zipfile.ZIP_DEFLATED)
z.writestr("folder/", "")
with z.open("file", "w", force_zip64=True) as f: f.write(open(sys.argv[1], "rb").read())
z.comment = b"a comment"
z.close()`;
      execFileSync("python3", ["-c", wide, path, join(folder, "wide.zip")]);
      return ["out.zip", "wide.zip"].map((name) => execFileSync("cat", [join(folder, name)], { maxBuffer: 1 << 24 }));
    });
    for (const zip of zipped) expect(await read(zip)).toMatchObject({ file: sha256(text) });
  });

  test("a file of another length than was said ends the export", async () => {
    for (const size of [2, 4]) {
      await expect(collect(new ZipWriter().file("a", new Date(), size, [Buffer.from("abc")]))).rejects.toThrow(RangeError);
    }
  });

  test("one that was cut anywhere is refused whole", async () => {
    const zip = await zipOf(FILES);
    for (let length = 0; length < zip.length; length++) await refused(zip.subarray(0, length));
  });

  test("no octet can be changed without its file being found damaged, or none being read", async () => {
    const zip = await zipOf(FILES);
    const whole = contents(FILES);
    let opened = 0;
    for (let at = 0; at < zip.length; at++) {
      for (const value of [zip[at] ^ 1, zip[at] ^ 0x80, 0xff - zip[at]]) {
        const found = await read(changed(zip, at, value, 1)).catch((error) => {
          expect(error).toBeInstanceOf(MailError);
          return null;
        });
        if (found === null) continue;
        opened += 1;
        // A name may be another; what is under any is one of those that were written, or nothing.
        for (const hash of Object.values(found)) expect(["damaged", ...Object.values(whole)]).toContain(hash);
      }
    }
    expect(opened).toBeGreaterThan(0);
  });

  test("entries in one place are refused", async () => {
    const zip = await zipOf(FILES);
    const { list } = places(zip);
    // The second where the first is; and the second inside what the first holds.
    expect(await refused(changed(zip, list[1] + 42, 0))).toContain("in one place");
    expect(await refused(changed(zip, list[1] + 42, 40))).toContain("in one place");
  });

  test("a bomb is refused before it is unpacked, and one that lies about its size when it has unpacked so much", async () => {
    const packed = deflateRawSync(Buffer.alloc(40_000_000));
    const zip = await zipOf([["bomb", packed]]);
    const { list } = places(zip);
    const deflated = changed(changed(zip, 8, 8, 2), list[0] + 10, 8, 2);
    expect(await refused(changed(deflated, list[0] + 24, 40_000_000))).toContain("unpack");
    // It says that it is small.
    const reader = await ZipReader.open(new Blob([changed(deflated, list[0] + 24, 1000)]));
    let octets = 0;
    const unpacking = async () => {
      for await (const piece of reader.read(reader.entries.get("bomb"))) octets += piece.length;
    };
    await expect(unpacking()).rejects.toThrow(Damaged);
    expect(octets).toBeLessThanOrEqual(1000);
  });

  test("counts, sizes and places that are made up are refused", async () => {
    const zip = await zipOf(FILES);
    const { list, end } = places(zip);
    for (const [at, value, octets] of [
      [end + 8, 60_000, 2],
      [end + 10, 60_000, 2],
      [end + 10, 2, 2],
      [end + 10, 0xffff, 2],
      [end + 12, 0x7fffffff, 4],
      [end + 12, 0xffffffff, 4],
      [end + 16, 0, 4],
      [end + 4, 1, 2],
      [list[0] + 20, 0x7fffffff, 4],
      [list[0] + 24, 0x7fffffff, 4],
      [list[0] + 28, 0xffff, 2],
      [list[0] + 42, 0x7fffffff, 4],
      [list[0] + 42, 0xffffffff, 4],
      [list[0] + 8, 1, 2],
    ]) {
      await refused(changed(zip, at, value, octets));
    }
    // Zip64, with numbers that no file has.
    const many = await zipOf(Array.from({ length: 0xffff }, (_, n) => [String(n)]));
    const record = many.length - 22 - 20 - 56;
    for (const [at, octets] of [[32, 6], [24, 6], [40, 6], [48, 6], [64, 6]]) await refused(changed(many, record + at, 2 ** 47, octets));
  });

  test("two entries of one name are refused", async () => {
    expect(await refused(await zipOf([["a", "1"], ["a", "2"]]))).toContain("one name");
  });
});

test.describe("mbox", () => {
  const AT = new Date("2011-07-08T12:08:34Z");
  const MESSAGES = [
    "Subject: plain\r\n\r\nOne line.\r\n",
    "Subject: quoted\r\n\r\nFrom here\r\n>From there\r\n>>From\tnot this\r\n From not this\r\n>>>From this\r\nFro\r\nFrom",
    "Subject: odd ends\r\n\r\nlone \rFrom CR\r\n\r\r\nbare\nFrom LF\n\nlast\r",
    "From the first line on\r\n\r\n\r\n",
    "\r\n",
  ];
  const asLines = (message) => message.replace(/\r\n/g, "\n").replace(/([^\n])$/, "$1\n");

  test("Python reads every message as it was, with LF", async () => {
    test.skip(!hasPython);
    const mbox = Buffer.concat(await Promise.all(MESSAGES.map((message) => collect(mboxMessage(AT, [Buffer.from(message)])))));
    expect(mboxAsPythonReadsIt(mbox)).toEqual(MESSAGES.map((message) => sha256(asLines(message))));
  });

  test("a message has the line in front, its own lines quoted, and an empty one behind", async () => {
    const [, quoted] = MESSAGES;
    expect(String(await collect(mboxMessage(AT, [Buffer.from(quoted)])))).toBe(
      "From MAILER-DAEMON Fri Jul  8 12:08:34 2011\nSubject: quoted\n\n" +
        ">From here\n>>From there\n>>From\tnot this\n From not this\n>>>>From this\nFro\nFrom\n\n",
    );
  });

  test("pieces split anywhere make no difference", async () => {
    for (const message of MESSAGES) {
      const bytes = Buffer.from(message);
      const whole = await collect(mboxMessage(AT, [bytes]));
      for (let first = 0; first <= bytes.length; first++) {
        for (let second = first; second <= bytes.length; second++) {
          const pieces = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
          expect((await collect(mboxMessage(AT, pieces))).equals(whole)).toBe(true);
        }
      }
    }
  });
});

test.describe("UID table", () => {
  const ROW = {
    uid: "6866N \xe9\0",
    ordinal: 1,
    size: 2 ** 40,
    firstSeen: "2024-03-12T09:41:20.123Z",
    retrieved: "2024-03-12T09:41:21.000Z",
    deletion: "wanted",
    read: true,
    unconfirmed: false,
    onServer: true,
    stored: true,
    file: "messages/000001-2024-03-12.eml",
  };
  const OTHER = { ...ROW, retrieved: null, deletion: "none", stored: false, file: undefined };
  const WHOSE = { account: "mail/ann", user: "ann", relay: "wss://relay.example/pop3/mail" };
  const NOW = new Date("2024-03-12T10:00:00Z");
  const readText = (text) => readTable([Buffer.from(text)]);

  test("reads back as written", async () => {
    const pieces = tablePieces(WHOSE, NOW, [tableLines([ROW, OTHER]), tableLines([ROW])]);
    const { file, ...other } = OTHER;
    expect(file).toBeUndefined();
    expect(await readTable(pieces)).toEqual({ user: "ann", rows: [ROW, other, ROW] });
    expect(JSON.parse(String(Buffer.concat(pieces)))).toMatchObject({ format: "poplar-uid-table", version: 1, ...WHOSE });
    // An octet of a character may be in another piece than the rest.
    const bytes = Buffer.concat(pieces);
    for (let at = 0; at < bytes.length; at++) expect((await readTable([bytes.subarray(0, at), bytes.subarray(at)])).rows).toHaveLength(3);
    expect((await readTable(tablePieces(WHOSE, NOW, []))).rows).toEqual([]);
    // A UID of our own making, for a server that gives none.
    const own = { ...ROW, uid: "\u2248d41d8cd98f00b204" };
    expect((await readTable(tablePieces(WHOSE, NOW, [tableLines([own])]))).rows).toEqual([own]);
  });

  test("says what is wrong with anything else, in no word of it", async () => {
    const wrong = async (text, says) => {
      const error = await readText(text).then(() => null, (error) => error);
      expect(error, text).toBeInstanceOf(MailError);
      expect(error.code).toBe("invalid-argument");
      expect(error.message).toContain(says);
      expect(error.message).not.toContain("secret");
    };
    await wrong("", "no JSON");
    await wrong("secret", "no JSON");
    await wrong("\xff".repeat(3), "no JSON");
    await wrong("null", "not a UID table");
    await wrong('{"format":"secret"}', "not a UID table");
    await wrong('{"format":"poplar-uid-table","version":2,"rows":[]}', "newer");
    await wrong('{"format":"poplar-uid-table","version":1}', "no rows");
    await wrong('{"format":"poplar-uid-table","version":1,"rows":[]}', "whose");
    const rows = (...rows) => JSON.stringify({ format: "poplar-uid-table", version: 1, user: "ann", rows });
    await wrong(rows("secret"), "Row 1");
    await wrong(rows(ROW, null), "Row 2");
    for (const [name, values] of Object.entries({
      uid: [1, null, "\u0100", "a\u2248", "secret".repeat(1000)],
      ordinal: [-1, 0.5, 2 ** 32, "0"],
      size: [-1, 2 ** 53, null, "1"],
      firstSeen: ["secret", 5, null, "", "1969-01-01T00:00:00Z", "99999999999999"],
      retrieved: ["secret", 5],
      deletion: ["secret", null, 1],
      read: ["secret", 1, 0],
      unconfirmed: [1],
      onServer: [1],
      stored: ["true"],
      file: [1, null],
    })) {
      for (const value of values) await wrong(rows(ROW, { ...ROW, [name]: value }), `Row 2 of this UID table is wrong: ${name}`);
    }
  });
});
