/** Whether somebody is at work in the element, and for how long nobody may be. */

/** As the library has them in `../mail/options.js`, which comes later than the card. */
const LOCK_AFTER_MINUTES = 10;
const MOST_LOCK_MINUTES = 24 * 60;

/** How often somebody's being at work is told. */
const TELL_MS = 1000;
/** By what it is seen. A frame keeps to itself what is done in it. */
const SIGNS = ["keydown", "pointerdown", "pointermove", "wheel"];

/** The minutes of an attribute; what is none, or no number that they may be, counts as not given. @param {string | null} value */
export function lockMinutes(value) {
  const minutes = value?.trim() ? Number(value) : NaN;
  return minutes >= 0 && minutes <= MOST_LOCK_MINUTES ? minutes : LOCK_AFTER_MINUTES;
}

/** @param {ShadowRoot} root @param {() => void} heard @param {AbortSignal} [signal] ends it */
export function whileAtWork(root, heard, signal) {
  let toldAt = 0;
  const tell = () => {
    const now = Date.now();
    if (Math.abs(now - toldAt) < TELL_MS) return;
    toldAt = now;
    heard();
  };
  for (const name of SIGNS) root.addEventListener(name, tell, { capture: true, passive: true, signal });
}
