import { confirm } from "./dom.js";
import { workUi } from "./work-ui.js";

/**
 * Asks before many messages are marked for deletion, of which nobody may have looked at each.
 * @param {ShadowRoot} root @param {import("./words.js").Ui} plain @param {{ count: number, unkept: number }} of unkept: whose text is on the
 * server alone @returns {Promise<boolean>}
 */
export function askToDelete(root, plain, { count, unkept }) {
  const { t } = workUi(plain, root);
  return confirm(root, {
    title: t("deleteMany.title", { n: count }),
    lines: [...(unkept > 0 ? [t("deleteMany.unkept", { n: unkept })] : []), t("deleteMany.undo")],
    confirm: t("deleteMany.confirm"),
    cancel: t("deleteMany.cancel"),
  });
}
