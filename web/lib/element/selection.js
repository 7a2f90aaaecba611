/**
 * Which messages are selected, as in every mail program: a click selects one, with Ctrl or Cmd one more or one less, with Shift all from the
 * one before.
 */
export class Selection {
  /** @type {Set<string>} */
  #ids = new Set();
  /** Where a range begins. @type {string | undefined} */
  #from;

  get size() {
    return this.#ids.size;
  }

  /** @returns {string[]} in the order in which they were selected */
  get ids() {
    return [...this.#ids];
  }

  /** @param {string} id */
  has(id) {
    return this.#ids.has(id);
  }

  /** @param {string | undefined} id nothing, where there is none */
  only(id) {
    this.#ids = new Set(id === undefined ? [] : [id]);
    this.#from = id;
  }

  /** Has the next range begin here. @param {string} id */
  startAt(id) {
    this.#from = id;
  }

  /** @param {string} id */
  toggle(id) {
    if (!this.#ids.delete(id)) this.#ids.add(id);
    this.#from = id;
  }

  /** Everything from where the last one was selected to here, and nothing else. @param {string} id @param {(from: string, to: string) => string[]} between */
  extend(id, between) {
    const from = this.#from ?? id;
    this.#ids = new Set(between(from, id));
    this.#from = from;
  }

  /** @param {readonly string[]} ids */
  all(ids) {
    this.#ids = new Set(ids);
  }

  /** Lets go of what is not listed any more. @param {(id: string) => boolean} isListed */
  keep(isListed) {
    for (const id of this.#ids) if (!isListed(id)) this.#ids.delete(id);
  }
}
