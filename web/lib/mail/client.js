/** The wasm: loaded once, with the first call; and what happens to calls when it breaks. */
import { caught, internal } from "./errors.js";
// The glue imports it too: this has it loaded with the library, and not only once the glue is there.
import "./host.js";
import { replaced } from "./parts.js";

/** @typedef {typeof import("../client.js")} Client The generated glue. */

const WASM = new URL("../client_bg.wasm", import.meta.url);

/** @type {Promise<Client> | undefined} */
let loading;

/** The wasm's octets, where they were fetched ahead. @type {Promise<ArrayBuffer> | undefined} */
let fetched;

/** How to reject the calls that are under way. @type {Set<(error: Error) => void>} */
const pending = new Set();

/** Set when the wasm has ended itself. @type {Error | undefined} */
let broken;

/**
 * Runs a call into the wasm. Rejects with a MailError or an AbortError, also when the wasm breaks meanwhile: with `panic = "abort"`
 * its own promises would stay pending for ever.
 *
 * @template T
 * @param {(client: Client) => Promise<T> | T} work
 * @returns {Promise<T>}
 */
export async function call(work) {
  const client = await load();
  return new Promise((resolve, reject) => {
    if (broken) return reject(broken);
    pending.add(reject);
    const settle = (/** @type {() => void} */ how) => {
      pending.delete(reject);
      how();
    };
    try {
      Promise.resolve(work(client)).then(
        (value) => settle(() => resolve(value)),
        (error) => settle(() => reject(caught(error))),
      );
    } catch (error) {
      settle(() => reject(caught(error)));
    }
  });
}

/** Has at hand what a call in this page needs, though none may come: it is for when nothing can be fetched any more. */
export async function fetchAhead() {
  fetched ??= fetchWasm();
  try {
    await Promise.all([fetched, import("../client.js")]);
  } catch {
    fetched = undefined; // the next time may be a better one
  }
}

async function fetchWasm() {
  const response = await fetch(WASM);
  const octets = await response.arrayBuffer();
  // What stands between may answer with a page of its own.
  if (!response.ok || !WebAssembly.validate(octets)) throw internal("This is not the mail client.");
  return octets;
}

function load() {
  loading ??= start().catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function start() {
  let client;
  try {
    client = await import("../client.js");
    await client.default({ module_or_path: (await fetched) ?? WASM });
  } catch {
    throw (await replaced()) ?? internal("The mail client could not be loaded. Check that client.js and client_bg.wasm are served beside poplar-mail.js.");
  }
  client.onPanic((/** @type {string} */ file, /** @type {number} */ line) => {
    console.error(`poplar: a fault at ${file}:${line}`);
    broken = internal("Something broke in this page. Nothing was lost: reload it.");
    for (const reject of pending) reject(broken);
    pending.clear();
  });
  return client;
}
