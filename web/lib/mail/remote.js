/**
 * The wasm in a worker, so that nothing it does holds up the page. `worker.js` has the other end, and what goes to and fro.
 *
 * Whatever the glue offers is called here as it is there; a call crosses as a message, and so do an AbortSignal's abort and what a
 * call tells through functions it was given.
 */
import { trustedScript } from "../trusted.js";
import { call } from "./client.js";
import { caught, internal } from "./errors.js";

/**
 * @typedef {object} Call
 * @property {number} call its number, and that of the object it may give
 * @property {[number, ...string[]]} path an object's number, and the names that lead to the method
 * @property {any[]} args
 * @property {number} signal place of the signal among them, -1 where there is none
 * @property {boolean} aborted what the signal said already
 * @property {number} tell place of a function among them, -1 where there is none
 */

/**
 * What runs calls.
 * @typedef {object} Runner
 * @property {typeof call} run
 * @property {() => void} end ends it; what is under way rejects
 * @property {Promise<void>} ended when it has
 */

/** In this page, which nothing ends. @type {Runner} */
const HERE = { run: call, end: () => {}, ended: new Promise(() => {}) };

/** A worker that runs and that nobody has yet. @type {Promise<Runner> | undefined} */
let spare;

/**
 * What runs the calls of one mailbox: a worker of its own where that is wanted; this page otherwise, and where no worker can be made: the
 * library lies on another origin, or a content policy, the page's or the worker's own, is against it.
 * @param {{ worker?: boolean }} options
 * @returns {Promise<Runner>}
 */
export async function caller({ worker = false }) {
  if (!worker) return HERE;
  const runner = spare ?? begun();
  // Taken at once: two that ask for one must not share it.
  spare = undefined;
  return runner;
}

/** Has a worker running for whoever wants one next. */
export async function warmUp() {
  spare ??= begun();
  // Where none could be had, as without a network, the next time may be a better one.
  if ((await spare) === HERE) spare = undefined;
}

/** Takes back one that nothing was opened in. @param {Runner} runner */
export function handBack(runner) {
  if (runner === HERE) return;
  if (spare) runner.end();
  else spare = Promise.resolve(runner);
}

function begun() {
  // The relay may have been gone: the next one is tried again.
  return start().catch(() => HERE);
}

/** @returns {Promise<Runner>} */
async function start() {
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "poplar" });
  let alive;
  try {
    alive = await new Promise((/** @type {(alive: string) => void} */ resolve, reject) => {
      worker.onmessage = ({ data }) => (data.ready ? resolve(data.alive) : reject());
      worker.onerror = (event) => {
        event.preventDefault();
        reject();
      };
    });
  } catch (error) {
    worker.terminate();
    throw error;
  }
  worker.onerror = null;
  const { glue, end, ended } = remote(worker, alive);
  const run = async (/** @type {(client: any) => any} */ work) => {
    try {
      return await work(glue);
    } catch (error) {
      throw caught(error);
    }
  };
  return { run, end, ended };
}

/**
 * A worker at an address of ours, also in a page that takes no address but a trusted one. Of this name, since bundlers look for
 * `new Worker(new URL(…))`.
 * @param {URL} url @param {WorkerOptions} options
 * @returns {globalThis.Worker}
 */
const Worker = /** @type {any} */ (
  function (/** @type {URL} */ url, /** @type {WorkerOptions} */ options) {
    return new globalThis.Worker(/** @type {string} */ (trustedScript(url.href)), options);
  }
);

function gone() {
  return internal("A part of this page has ended. Nothing was lost: reload it.");
}

/**
 * The glue, as it is seen from here, and how to end it.
 * @param {globalThis.Worker} worker @param {string} alive the lock that it holds while it lives
 * @returns {{ glue: any, end: () => void, ended: Promise<void> }}
 */
function remote(worker, alive) {
  /** @type {Map<number, { resolve: (value: unknown) => void, reject: (thrown: unknown) => void }>} */
  const pending = new Map();
  /** Functions that calls were given, by the call's number; that of an object goes with it. @type {Map<number, Function>} */
  const heard = new Map();
  let last = 0;
  let hasEnded = false;
  /** @type {() => void} */
  let tellEnd = () => {};
  const ended = new Promise((/** @type {(value: void) => void} */ resolve) => (tellEnd = resolve));

  const over = () => {
    hasEnded = true;
    for (const { reject } of pending.values()) reject(gone());
    pending.clear();
    heard.clear();
    tellEnd();
  };
  // One that ends by itself, out of memory say, does so without a word.
  globalThis.navigator.locks?.request(alive, over);
  const end = () => {
    worker.terminate();
    over();
  };

  const dropped = new FinalizationRegistry((/** @type {number} */ object) => {
    worker.postMessage({ drop: object });
    heard.delete(object);
  });

  worker.onmessage = ({ data: { call, told, object, thrown, value } }) => {
    if (told) return heard.get(call)?.(...told);
    const { resolve, reject } = /** @type {any} */ (pending.get(call));
    pending.delete(call);
    if (object === undefined) heard.delete(call);
    if (thrown) reject(thrown);
    else resolve(object === undefined ? value : reach([object]));
  };

  /** @param {[number, ...string[]]} path @returns {any} */
  function reach(path) {
    const proxy = new Proxy(() => {}, {
      // A promise that is resolved with it must not take it for another promise.
      get: (_, name) => (typeof name === "symbol" || name === "then" ? undefined : reach([...path, name])),
      apply: (_, __, args) => send(path, args),
    });
    if (path.length === 1) dropped.register(proxy, path[0]);
    return proxy;
  }

  /** @param {[number, ...string[]]} path @param {any[]} args */
  function send(path, args) {
    if (hasEnded) {
      const refused = Promise.reject(gone());
      refused.catch(() => {}); // as below
      return refused;
    }
    const call = ++last;
    const place = args.findIndex((arg) => arg instanceof AbortSignal);
    /** @type {AbortSignal | undefined} */
    const signal = args[place];
    const tell = args.findIndex((arg) => typeof arg === "function");
    if (tell >= 0) heard.set(call, args[tell]);
    const crossing = args.map((arg, at) => (at === place || at === tell ? undefined : arg));
    worker.postMessage({ call, path, args: crossing, signal: place, aborted: Boolean(signal?.aborted), tell });

    const settled = new Promise((resolve, reject) => pending.set(call, { resolve, reject }));
    const abort = () => worker.postMessage({ abort: call });
    signal?.addEventListener("abort", abort);
    // Not every caller waits for what becomes of a call; who does is told as well.
    settled.catch(() => {}).then(() => signal?.removeEventListener("abort", abort));
    return settled;
  }

  return { glue: reach([0]), end, ended };
}
