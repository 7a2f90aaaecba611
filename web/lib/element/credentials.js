/**
 * What the sessions of one mailbox sign in with. The password is forgotten with a lock; from then on the person is asked, once a session
 * needs it.
 */
export class Credentials {
  /** What the next session signs in with. @type {string | undefined} */
  password;
  /** Why the server refused it. The same one is not sent again. @type {unknown} */
  refusal = null;
  /** Asks the person for the mailbox password, where nothing here knows it. @type {() => Promise<string | null>} */
  ask = async () => null;

  /** @param {string} password */
  constructor(password) {
    this.password = password;
  }

  /** As the library asks for them: before each session, so that a sign-out that failed can be tried again. */
  give = async (/** @type {{ reason: string }} */ { reason }) => {
    if (reason === "rejected" && this.refusal) throw this.refusal;
    this.password ??= (await this.ask()) ?? undefined;
    if (this.password === undefined) throw new DOMException("nobody gave a password", "AbortError");
    return { password: this.password };
  };

  /** Another than the one that was refused. @param {string} password */
  replace(password) {
    this.password = password;
    this.refusal = null;
  }

  forget() {
    this.password = undefined;
    this.refusal = null;
  }
}
