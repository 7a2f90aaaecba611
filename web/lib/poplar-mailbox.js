import { PoplarMailboxElement } from "./element/mailbox-element.js";

/** Registers `<poplar-mailbox>`. Importing it where there is no DOM, or twice, does nothing. */
if (globalThis.customElements && !customElements.get("poplar-mailbox")) {
  customElements.define("poplar-mailbox", PoplarMailboxElement);
}

export { PoplarMailboxElement };
