import card from "./es.js";
import html from "./es-html.js";
import locked from "./es-locked.js";
import reports from "./es-reports.js";
import settings from "./es-settings.js";
import work from "./es-work.js";

/** All words in Spanish, with those of the parts that are loaded later: whoever reads Spanish gets them in one go, and nobody else. */
export default { ...card, ...html, ...locked, ...reports, ...settings, ...work };
