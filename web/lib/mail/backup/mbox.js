/**
 * mboxrd: messages one behind the other in one file, each behind a line that begins with `From `. Lines of a message that could be taken for
 * such a one get a `>` in front, and those that have one already another, so that it can be taken back without loss.
 *
 * Lines end with LF: mutt, Python and what else reads mbox on Unix look for `\nFrom ` and would show every CR, and Thunderbird reads LF as
 * well as CRLF. So a message is not byte for byte what the server sent; a zip of .eml files is for that.
 */

const [LF, CR, GREATER] = [10, 13, 62];
const FROM = new TextEncoder().encode("From ");

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/**
 * A message as it stands in an mbox file, piece by piece, with the line in front and the empty one behind.
 * @param {Date} at
 * @param {AsyncIterable<Uint8Array> | Iterable<Uint8Array>} pieces split anywhere
 * @returns {AsyncGenerator<Uint8Array>}
 */
export async function* mboxMessage(at, pieces) {
  yield new TextEncoder().encode(separator(at));
  const quoting = new Quoting();
  for await (const piece of pieces) yield quoting.take(piece);
  yield quoting.end();
}

/**
 * The line in front, with the date as C's asctime() has it and in UTC. Who sent it is in the message: what stands here is the name that
 * mailers put for nobody.
 * @param {Date} at
 */
function separator(at) {
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const day = `${DAYS[at.getUTCDay()]} ${MONTHS[at.getUTCMonth()]} ${String(at.getUTCDate()).padStart(2)}`;
  const time = [at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()].map(two).join(":");
  return `From MAILER-DAEMON ${day} ${time} ${String(at.getUTCFullYear()).padStart(4, "0")}\n`;
}

/** Puts a message into lines of mbox. What decides may be split between pieces: up to `From` and a CR are held back. */
class Quoting {
  /** A CR came last, which is dropped if LF follows. */
  #cr = false;
  /** Octets of `From ` that this line has begun with, behind any `>`; -1 where it begins with something else. */
  #matched = 0;
  /** The last line has its end. */
  #ended = true;

  /** @param {Uint8Array} piece */
  take(piece) {
    // A `>` is added for each `From ` at most; and there is what was held.
    const out = new Uint8Array(piece.length + Math.ceil(piece.length / FROM.length) + 2 * FROM.length);
    // Twice as fast as fields.
    let [cr, matched, length] = [this.#cr, this.#matched, 0];
    for (let place = 0; place < piece.length; place++) {
      const octet = piece[place];
      if (cr) {
        cr = false;
        if (octet !== LF) out[length++] = CR;
      }
      if (matched >= 0) {
        if (octet === GREATER && matched === 0) {
          out[length++] = octet;
          continue;
        }
        const fits = octet === FROM[matched];
        if (fits && ++matched < FROM.length) continue;
        // Behind the ones that are there is as good a place as in front of them.
        if (fits) out[length++] = GREATER;
        for (let held = 0; held < matched; held++) out[length++] = FROM[held];
        matched = -1;
        if (fits) continue;
      }
      if (octet === CR) {
        cr = true;
        continue;
      }
      out[length++] = octet;
      if (octet === LF) matched = 0;
    }
    [this.#cr, this.#matched] = [cr, matched];
    if (length > 0) this.#ended = out[length - 1] === LF;
    return out.subarray(0, length);
  }

  /** What was held back, the end of the last line, and the empty line behind it. */
  end() {
    const held = [...FROM.subarray(0, Math.max(this.#matched, 0)), ...(this.#cr ? [CR] : [])];
    const ended = held.length === 0 && this.#ended;
    return Uint8Array.from([...held, ...(ended ? [] : [LF]), LF]);
  }
}
