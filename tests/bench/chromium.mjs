// A Chromium with a profile on disk, spoken to in its own protocol. Playwright, which the browser specs use, asks the browser for every
// frame of every WebSocket, and the browser then spends more time on telling of mail than the page spends on reading it: 500 MB took
// 7 s where they take less than 2.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class Chromium {
  #child;
  #folder;
  #next = 1;
  #waiting = new Map();
  /** The sessions of a page's workers, the oldest first, by the session of the page. */
  #workers = new Map();
  /** Who waits until a worker has ended, by its session. */
  #ending = new Map();
  /** Who waits until a page is loaded, by session. */
  #loading = new Map();

  static async start() {
    const chromium = new Chromium();
    const folder = (chromium.#folder = await mkdtemp(join(tmpdir(), "poplar-profile-")));
    const options = ["--headless=new", "--remote-debugging-pipe", `--user-data-dir=${folder}`, "--no-first-run"];
    // It speaks to nobody but the relay, and what is not looked at goes on all the same.
    options.push("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic");
    options.push("--disable-background-timer-throttling", "--disable-renderer-backgrounding");
    // Chromium has no sandbox for root.
    if (process.getuid() === 0) options.push("--no-sandbox");
    const program = process.env.CHROMIUM || "chromium";
    chromium.#child = spawn(program, options, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    chromium.#listen();
    return chromium;
  }

  /** Opens a page; the name of the session with it. */
  async open(url) {
    const { targetId } = await this.#send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.#send("Target.attachToTarget", { targetId, flatten: true });
    await this.#send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: false, flatten: true }, sessionId);
    await this.#send("Page.enable", {}, sessionId);
    const loaded = new Promise((loaded) => this.#loading.set(sessionId, loaded));
    await this.#send("Page.navigate", { url }, sessionId);
    await loaded;
    return { targetId, sessionId };
  }

  /** Calls a function in a page, as text, and gives what its promise comes to. */
  call({ sessionId }, work, argument) {
    return this.#value(`(${work})(${JSON.stringify(argument)})`, sessionId);
  }

  /** The worker that has the mailbox of a page, where one has it: the oldest, since a spare one is begun once that is in use. */
  worker({ sessionId }) {
    const [worker] = this.#workers.get(sessionId) ?? [];
    return worker && { sessionId: worker };
  }

  /** When a worker has ended. To be called while it lives. */
  ended({ sessionId }) {
    return new Promise((ended) => this.#ending.set(sessionId, ended));
  }

  close({ targetId }) {
    return this.#send("Target.closeTarget", { targetId });
  }

  async end() {
    const ended = once(this.#child, "exit");
    await this.#send("Browser.close");
    await ended;
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async #value(expression, sessionId) {
    const options = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.#send("Runtime.evaluate", options, sessionId);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  #send(method, params = {}, sessionId) {
    const id = this.#next++;
    this.#child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #listen() {
    let rest = "";
    this.#child.stdio[4].setEncoding("utf8").on("data", (data) => {
      const messages = (rest + data).split("\0");
      rest = messages.pop();
      for (const message of messages) this.#heard(JSON.parse(message));
    });
    this.#child.on("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the browser ended"));
    });
  }

  #heard({ id, result, error, method, params, sessionId }) {
    if (id !== undefined) {
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) reject(new Error(error.message));
      else resolve(result);
    } else if (method === "Page.loadEventFired") {
      this.#loading.get(sessionId)();
    } else if (method === "Target.attachedToTarget" && params.targetInfo.type === "worker") {
      this.#workers.set(sessionId, [...(this.#workers.get(sessionId) ?? []), params.sessionId]);
    } else if (method === "Target.detachedFromTarget") {
      const left = (this.#workers.get(sessionId) ?? []).filter((worker) => worker !== params.sessionId);
      this.#workers.set(sessionId, left);
      this.#ending.get(params.sessionId)?.();
      this.#ending.delete(params.sessionId);
    }
  }
}
