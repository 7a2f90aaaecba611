/**
 * Making and changing DOM. Nothing in this folder turns a string into markup: text goes in as text nodes, so that the element works under
 * a policy that requires Trusted Types.
 *
 * @typedef {Node | string | null | false | undefined} Child
 */

/** A download starts asynchronously and needs its URL until then; browsers give no event for it. */
const REVOKE_AFTER_MS = 30_000;
const SVG = "http://www.w3.org/2000/svg";

/** What was offered for saving, and is not revoked yet. @type {Set<string>} */
const urls = new Set();

/** Style sheets by what is in them: each is made once and shared by all elements of a page. @type {Map<string, CSSStyleSheet>} */
const sheets = new Map();

/** One small set: 20 px grid, 1.5 px stroke, round ends, drawn in the text's colour. Each is the `d` of one path. */
const PATHS = {
  inbox: "M2.75 11.5 5 4.25h10l2.25 7.25v4.25H2.75ZM2.75 11.5h4.1c.5 1.5 1.6 2.25 3.15 2.25s2.65-.75 3.15-2.25h4.1",
  unread: "M2.75 5h14.5v10.5H2.75ZM3 5.5l7 5.5 7-5.5",
  trash: "M3.5 5.5h13M8 5.25V3h4v2.25M5 5.5l.75 11.25h8.5L15 5.5M8.4 8.5v5M11.6 8.5v5",
  stored: "M3.75 3.5h12.5v13H3.75ZM6.75 10.25l2.25 2.25 4.25-4.75",
  headers: "M3.5 4.5h13M3.5 8.25h13M3.5 12h6M3.5 15.75h3",
  server: "M3.25 3.5h13.5v5H3.25ZM3.25 11.5h13.5v5H3.25ZM6 6h.01M6 14h.01",
  gone: "M3.25 3.5h13.5v5H3.25ZM16.75 11.5H3.25v5h6M12.5 13.5l4 4M16.5 13.5l-4 4M6 6h.01M6 14h.01",
  clock: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM10 6v4.25l2.75 1.75",
  clip: "m15.5 9.25-5.9 5.9a3.4 3.4 0 0 1-4.8-4.8l6.3-6.3a2.25 2.25 0 0 1 3.2 3.2l-6.2 6.2a1.1 1.1 0 0 1-1.6-1.6l5.5-5.5",
  back: "M12.25 4.5 6.75 10l5.5 5.5",
  up: "M4.5 12.5 10 7l5.5 5.5",
  down: "M4.5 7.5 10 13l5.5-5.5",
  check: "m4 10.5 4 4 8-9",
  search: "M8.75 14.5a5.75 5.75 0 1 0 0-11.5 5.75 5.75 0 0 0 0 11.5ZM13 13l4.25 4.25",
  select: "M3 4.25h3v3H3ZM9.5 5.75H17M3 12.75h3v3H3ZM9.5 14.25H17",
  read: "M2.75 8 10 3l7.25 5v8.5H2.75ZM3 8.25 10 13l7-4.75",
  refresh: "M16.25 9.25A6.4 6.4 0 0 0 4.6 6.75L3.5 8M3.5 3.75V8h4.25M3.75 10.75a6.4 6.4 0 0 0 11.65 2.5L16.5 12M16.5 16.25V12h-4.25",
  exit: "M8 3.5H3.5v13H8M8 10h8.75M13.25 6.25 17 10l-3.75 3.75",
  save: "M10 3v9.25M6 8.5l4 4 4-4M3.5 13.5v3h13v-3",
  undo: "M3.75 8.25h8a4 4 0 0 1 0 8H8M7.25 4.5 3.5 8.25 7.25 12",
  image: "M3 4h14v12H3ZM3 13.5l4-4 3.25 3.25L12.5 10.5l4.5 4M3 3l14 14",
  picture: "M3 4h14v12H3ZM3 13.5l4-4 3.25 3.25L12.5 10.5l4.5 4M12.5 7.25h.01",
  file: "M5 2.75h6.25L15.5 7v10.25H5ZM11 3v4.25h4.25",
  alert: "M10 3 2.25 16.5h15.5ZM10 8v4M10 14.25h.01",
  info: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM10 9.25v4.25M10 6.5h.01",
  close: "m5 5 10 10M15 5 5 15",
  erase: "M8 16.5 3.25 11.75l8.5-8.5 5 5-8.25 8.25ZM7.25 7.75l5 5M8 16.5h8.75",
  settings: "M3 6h7.5M14.5 6H17M3 14h2.5M9.5 14H17M12.5 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM7.5 16a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z",
  lock: "M4.5 9h11v7.75h-11ZM6.75 9V6.25a3.25 3.25 0 0 1 6.5 0V9M10 12.25v1.75",
  source: "m7 6-4.25 4L7 14M13 6l4.25 4L13 14M11.25 4.5l-2.5 11",
  print: "M5.5 7.5V3h9v4.5M5.5 13.5H3v-6h14v6h-2.5M5.5 11.5h9V17h-9Z",
  plug: "M3 10h3.5M13.5 10H17M6.5 6.5h7v7h-7ZM9 3.5v3M11 3.5v3M9 13.5v3M11 13.5v3",
  person: "M10 10.25a3.25 3.25 0 1 0 0-6.5 3.25 3.25 0 0 0 0 6.5ZM3.75 16.75a6.25 6.25 0 0 1 12.5 0",
  log: "M4.5 2.75h11v14.5h-11ZM7.25 6.5h5.5M7.25 10h5.5M7.25 13.5h3",
  key: "M12.5 11.5a4 4 0 1 0-3.8-2.75L3 14.5V17h2.75v-2h2v-2h1.5l1-1.35a4 4 0 0 0 2.25-.15ZM13.25 6.75h.01",
};

/**
 * Makes an element.
 *
 * A property whose value is a function is a listener (`onclick`); anything else is an attribute, as in `setAttribute` below. Children are
 * nodes or text; `null` and `false` are skipped.
 * @template {keyof HTMLElementTagNameMap} Tag @param {Tag} tag @param {Record<string, unknown>} [properties]
 * @param {...Child} children @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else {
      setAttribute(element, name, value);
    }
  }
  element.append(...children.filter(isPresent));
  return element;
}

/**
 * Writes an attribute only where it differs, so that repainting what has not changed costs no style work. `null` removes it. A boolean is
 * present or absent in HTML's own attributes, and "true" or "false" in `aria-` and `data-` ones.
 * @param {Element} element @param {string} name @param {unknown} value
 */
export function setAttribute(element, name, value) {
  const isWord = name.startsWith("aria-") || name.startsWith("data-");
  if (value === null || value === undefined || (value === false && !isWord)) {
    element.removeAttribute(name);
    return;
  }
  const text = value === true && !isWord ? "" : String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/** @param {Node} node @param {string} text */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Shows one of two controls that share a place. The keyboard goes where the visible one is.
 * @param {HTMLElement} shown @param {HTMLElement} hidden
 */
export function swap(shown, hidden) {
  const hadFocus = hidden.matches(":focus");
  setAttribute(shown, "hidden", false);
  setAttribute(hidden, "hidden", true);
  if (hadFocus) shown.focus();
}

/** @param {Element} parent @param {...Child} children */
export function replace(parent, ...children) {
  parent.replaceChildren(...children.filter(isPresent));
}

/**
 * Has styles apply in a shadow tree. A style sheet is adopted and never written into markup: a `<style>` would be refused by a strict
 * content policy.
 * @param {ShadowRoot} root @param {string} css
 */
export function adopt(root, css) {
  let sheet = sheets.get(css);
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    sheets.set(css, sheet);
  }
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets.push(sheet);
}

/**
 * Offers a blob to the person as a file. It is handed over as plain bytes, so that no browser opens an attachment as a document of
 * this origin.
 * @param {Blob} blob @param {string} name
 */
export function saveAs(blob, name) {
  const url = URL.createObjectURL(new Blob([blob], { type: "application/octet-stream" }));
  urls.add(url);
  h("a", { href: url, download: name }).click();
  setTimeout(() => revoke(url), REVOKE_AFTER_MS);
}

/** Takes back the URLs of everything that was offered: nothing of it can be reached by them any more. */
export function revokeUrls() {
  for (const url of urls) revoke(url);
}

/** @param {string} url */
function revoke(url) {
  URL.revokeObjectURL(url);
  urls.delete(url);
}

/** Asks for a file. @param {string} accept @returns {Promise<File | null>} `null` where the person chose none */
export function pickFile(accept) {
  return new Promise((resolve) => {
    const input = h("input", { type: "file", accept, onchange: () => resolve(input.files?.[0] ?? null), oncancel: () => resolve(null) });
    input.click();
  });
}

/**
 * Asks before something that cannot be undone, in words. Escape and the first button mean no.
 * @param {Node} parent where the dialog lives while it is open
 * @param {{ title: string, lines: string[], confirm: string, cancel: string }} words @returns {Promise<boolean>}
 */
export function confirm(parent, { title, lines, confirm: yes, cancel: no }) {
  return new Promise((resolve) => {
    const dialog = h(
      "dialog",
      {
        class: "dialog",
        "aria-labelledby": "dialog-title",
        "data-testid": "dialog",
        onclose: () => {
          dialog.remove();
          resolve(dialog.returnValue === "yes");
        },
      },
      h("h2", { id: "dialog-title", class: "dialog-title" }, title),
      ...lines.map((line) => h("p", {}, line)),
      h(
        "div",
        { class: "dialog-actions" },
        h("button", { class: "button", type: "button", autofocus: true, onclick: () => dialog.close("no") }, no),
        h("button", { class: "button button-danger", type: "button", "data-testid": "confirm", onclick: () => dialog.close("yes") }, yes),
      ),
    );
    parent.appendChild(dialog);
    dialog.showModal();
  });
}

/** Ends every question and page that is open above the rest. @param {ShadowRoot} root */
export function closeDialogs(root) {
  for (const dialog of root.querySelectorAll("dialog")) {
    dialog.close();
    dialog.remove();
  }
}

/** @typedef {keyof typeof PATHS} IconName */

/**
 * An icon never stands for itself: a word is beside it, or its control has a name. So it is hidden from screen readers.
 * @param {IconName} name @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "path"));
  setIcon(svg, name);
  return svg;
}

/** @param {SVGSVGElement} svg @param {IconName} name */
export function setIcon(svg, name) {
  if (svg.dataset.icon === name) return;
  svg.dataset.icon = name;
  svg.firstElementChild?.setAttribute("d", PATHS[name]);
}

/** @param {Child} child @returns {child is Node | string} */
function isPresent(child) {
  return child !== null && child !== undefined && child !== false;
}
