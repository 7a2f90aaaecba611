import { isOn } from "./preferences.js";

/** Under one tag, a later notice takes the place of an earlier one. */
const TAG = "poplar";

/**
 * Tells by a notice of the system that there are new messages, where the person has asked for that and looks at something else. It says
 * nothing of them, and not how many: it may lie on a screen that others see.
 * @param {import("./words.js").Words} t
 */
export function tellNews(t) {
  if (!document.hidden || !isOn("notify") || globalThis.Notification?.permission !== "granted") return;
  try {
    const notice = new Notification(t("news.title"), { tag: TAG, lang: t.locale });
    notice.onclick = () => {
      globalThis.focus();
      notice.close();
    };
  } catch {
    // A browser that takes notices from a service worker alone, as Chromium on Android does.
  }
}
