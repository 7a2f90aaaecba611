/**
 * The library: POP3 mail in a browser, each message retrieved once.
 *
 *     import { Mailbox } from "poplar-mail";
 *     const mailbox = await Mailbox.open({ relay: "wss://relay.example/pop3/direct", user: "stan" });
 *     await mailbox.sync({ password });
 *
 * Nothing happens at import; the wasm is loaded with the first call that needs it.
 */
export { Mailbox } from "./mail/mailbox.js";
export { Pop3Session } from "./mail/session.js";
export { fileName } from "./mail/file-names.js";
export { MailError } from "./mail/errors.js";
