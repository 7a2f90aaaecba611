/**
 * Runs in a page, or in a worker, before anything is opened there. The key is made and taken up as ever, but for what that takes of time,
 * and nothing is sealed by it: the same client without sealing.
 */
export async function unseal() {
  const { Cipher } = await import(new URL("/lib/mail/seal.js", location.origin).href);
  const plain = (all) => all.filter((_, place) => place % 2 === 1);
  let isOpen = false;
  Object.defineProperty(Cipher.prototype, "isOpen", { get: () => isOpen });
  Object.defineProperty(Cipher.prototype, "number", { get: () => Number(isOpen) });
  Object.assign(Cipher.prototype, {
    prepare: () => {},
    close: () => (isOpen = false),
    create: async (by) => ({ key: { by, number: 1 }, proof: new Uint8Array() }),
    unlock: async () => (isOpen = true),
    seal: async (all) => plain(all),
    open: async (all) => plain(all),
  });
}
