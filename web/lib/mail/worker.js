/**
 * The worker's end of `remote.js`: carries out calls into a wasm of its own, and posts what they come to.
 *
 * Heard: `{ call, path, args, signal, aborted, tell }`, `{ abort: call }`, `{ drop: object }`. Posted: first `{ ready, alive }`; then
 * `{ call, value }`, `{ call, object }` or `{ call, thrown }` for each call, and `{ call, told }` for what it tells meanwhile, or the
 * object it gave tells later.
 */
import { call } from "./client.js";
import { thrownBy } from "./errors.js";
import { lock } from "./host.js";

/** What calls are made on, by number: the glue is 0, and the others are what calls have given. @type {Map<number, any>} */
const objects = new Map();

/** Calls under way that were given a signal. @type {Map<number, AbortController>} */
const aborts = new Map();

const post = /** @type {(message: object, transfer?: Transferable[]) => void} */ (globalThis.postMessage.bind(globalThis));

globalThis.onmessage = ({ data }) => {
  if (data.call !== undefined) void answer(data);
  else if (data.abort !== undefined) aborts.get(data.abort)?.abort();
  else objects.delete(data.drop);
};

/** A lock that is held for as long as this worker lives: nothing else tells the page that it has ended. */
const alive = `poplar:worker:${performance.timeOrigin}:${Math.random()}`;

Promise.all([lock(alive), call((glue) => objects.set(0, glue))]).then(
  () => post({ ready: true, alive }),
  () => post({ ready: false }),
);

/** @param {import("./remote.js").Call} asked */
async function answer({ call: number, path, args, signal, aborted, tell }) {
  if (tell >= 0) args[tell] = (/** @type {unknown[]} */ ...told) => post({ call: number, told });
  if (signal >= 0) {
    const abort = new AbortController();
    if (aborted) abort.abort();
    aborts.set(number, abort);
    args[signal] = abort.signal;
  }
  try {
    const value = await call(() => {
      const [object, ...names] = path;
      const method = names.pop();
      const on = names.reduce((within, name) => within[name], objects.get(object));
      return on[/** @type {string} */ (method)](...args);
    });
    post(...given(number, value));
  } catch (error) {
    post({ call: number, thrown: thrownBy(error) });
  } finally {
    aborts.delete(number);
  }
}

/**
 * What a call gave: an object of the wasm stays here and is known by its number; bytes are handed over and not copied.
 * @param {number} call @param {any} value @returns {[object, Transferable[]]}
 */
function given(call, value) {
  if (value?.__wbg_ptr !== undefined) {
    objects.set(call, value);
    return [{ call, object: call }, []];
  }
  const bytes = [value].flat().filter((piece) => piece instanceof Uint8Array && piece.byteLength === piece.buffer.byteLength);
  return [{ call, value }, [...new Set(bytes.map((piece) => piece.buffer))]];
}
