import { trustedMarkup } from "../../trusted.js";

/**
 * What the page around the element allows for mail's sake, found out by trying: a policy cannot be read. A `srcdoc` frame inherits the
 * page's policy, so that what is refused here would be refused there, where nobody could see it.
 */

/** One pixel. */
const PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";
/**
 * Nothing is asked for at this address: the policy is applied first, and then no browser connects to this port (Fetch §2.9), whose name
 * cannot exist either (RFC 6761 §6.4).
 */
const NOWHERE = "https://poplar.invalid:1/";

/** @type {Promise<{ markup: boolean, styles: boolean, inlineImages: boolean }> | undefined} */
let known;
/** @type {Promise<boolean> | undefined} */
let remote;

/** Whether markup may be parsed, and styles and inline images shown. */
export function hostAllows() {
  known ??= (async () => ({ markup: allowsMarkup(), styles: allowsStyles(), inlineImages: !(await refuses(PIXEL)) }))();
  return known;
}

/** Whether images from elsewhere may be shown. */
export function hostAllowsRemote() {
  remote ??= refuses(NOWHERE).then((refused) => !refused);
  return remote;
}

function allowsMarkup() {
  try {
    document.implementation.createHTMLDocument("").write(/** @type {string} */ (trustedMarkup("")));
    return true;
  } catch {
    return false; // a TypeError: Trusted Types are required, and the policy `poplar` is not among those that are allowed
  }
}

function allowsStyles() {
  const element = document.createElement("p");
  element.setAttribute("style", "color: red");
  return element.style.color !== "";
}

/** Whether the page's policy refuses an image of this address. @param {string} address @returns {Promise<boolean>} */
function refuses(address) {
  return new Promise((resolve) => {
    const done = (/** @type {boolean} */ refused) => {
      document.removeEventListener("securitypolicyviolation", onViolation);
      resolve(refused);
    };
    const onViolation = (/** @type {SecurityPolicyViolationEvent} */ { blockedURI, disposition }) => {
      const isOurs = address.startsWith(blockedURI);
      if (isOurs && blockedURI && disposition === "enforce") done(true);
    };
    document.addEventListener("securitypolicyviolation", onViolation);
    const image = new Image();
    image.onload = () => done(false);
    // The violation is told in a task of its own, which may come behind.
    image.onerror = () => setTimeout(() => done(address === PIXEL));
    image.src = address;
  });
}
