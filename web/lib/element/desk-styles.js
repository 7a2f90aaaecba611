/** The desk, where the mail is: a bar beside or above it, the list, the reader, and the strip of notices. It comes with the sign-in. */
export const DESK = /* css */ `
/* List and reader side by side under a bar; in a wide box the bar is a column, in a narrow one only one pane is shown. */
.desk {
  display: grid;
  height: 100%;
  grid-template: "side side" auto "list reader" minmax(0, 1fr) "notices notices" auto / minmax(240px, 38%) minmax(0, 1fr);
}
:host([mode="list"]) .desk { grid-template: "side" auto "list" minmax(0, 1fr) "notices" auto / minmax(0, 1fr); }
:host([mode="reader"]) .desk { grid-template: "reader" minmax(0, 1fr) "notices" auto / minmax(0, 1fr); }
:host([mode="list"]) .reader, :host([mode="reader"]) :is(.side, .list-pane) { display: none; }
.side { grid-area: side; }
.list-pane { grid-area: list; }
.reader { grid-area: reader; }
.notices { grid-area: notices; max-height: 45vh; overflow: auto; }
.button-back { display: none; }

.side {
  display: flex;
  align-items: center;
  gap: 16px;
  min-width: 0;
  padding: 6px 8px;
  background: var(--ground-side);
  border-bottom: 1px solid var(--line);
}
.side-account { padding: 0 8px; min-width: 0; max-width: 180px; }
.side-user, .side-server { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; line-height: 20px; }
.side-user { font-weight: 600; }
.side-server { font-size: 13px; color: var(--text-quiet); }
.filters { display: flex; gap: 2px; }
.filter {
  display: flex;
  align-items: center;
  gap: 8px;
  min-height: 36px;
  padding: 4px 8px;
  border: 0;
  border-radius: var(--radius);
  background: none;
  text-align: start;
  white-space: nowrap;
  cursor: pointer;
}
.filter .icon { color: var(--text-quiet); }
.filter:hover { background: var(--ground-hover); }
.filter[aria-current="true"] { background: var(--accent-ground); font-weight: 600; }
.filter[aria-current="true"] .icon { color: var(--accent); }
.filter-count { font-size: 13px; font-weight: 400; color: var(--text-quiet); }
.filter[aria-current="true"] .filter-count { color: var(--text); }
.filter-long, .side-kept { display: none; }
.side-foot { display: flex; gap: 4px; margin-inline-start: auto; }
.side-kept { padding: 0 8px 4px; font-size: 13px; color: var(--text-quiet); }
.side-foot .button { font-size: 13px; }
.spring { flex: 1; }
.check-short { display: none; }
.notices .problem, .notices .notice { animation: rise 120ms ease-out; }
@keyframes rise { from { opacity: 0; transform: translateY(4px); } }

@container poplar (width >= 1100px) {
  :host(:not([mode])) .desk {
    grid-template: "side list reader" minmax(0, 1fr) "notices notices notices" auto / 220px 380px minmax(0, 1fr);
  }
  :host(:not([mode])) .side { flex-direction: column; align-items: stretch; padding: 12px 8px; border-width: 0; border-inline-end: 1px solid var(--line); }
  :host(:not([mode])) .side-account { max-width: none; }
  :host(:not([mode])) .filters { flex-direction: column; }
  :host(:not([mode])) :is(.filter-long, .side-kept) { display: block; }
  :host(:not([mode])) .filter-short { display: none; }
  :host(:not([mode])) .filter-count { margin-inline-start: auto; }
  :host(:not([mode])) :is(.filter, .side-foot .button) { white-space: normal; text-align: start; }
  :host(:not([mode])) .side-foot { flex-direction: column; align-items: start; margin: auto 0 0; }
}
@container poplar (width < 1100px) {
  .side { flex-wrap: wrap; row-gap: 0; }
  .filters { order: 1; width: 100%; flex-wrap: wrap; }
  .pane-title { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
}
@container poplar (width < 860px) {
  .side { gap: 8px; }
  .side .button { gap: 5px; padding-inline: 5px; }
  .side-account { padding: 0 4px 0 8px; }
  .check-long { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .check-short { display: inline; }
  .filter .icon { display: none; }
  .side-foot .button[data-testid="clear"] span { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .reader-toolbar [data-testid="mark-read"] span { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .reader-toolbar [data-testid="mark-read"] .icon { margin: 0; }
}
@container poplar (width < 700px) {
  .desk { --control: 40px; }
  .side { flex-wrap: wrap; row-gap: 0; padding: 4px 8px 0; }
  .side-account { flex: 1; max-width: none; display: flex; gap: 8px; align-items: baseline; }
  .filters { display: grid; grid-template-columns: repeat(3, 1fr); gap: 0 4px; }
  .filter { flex: 1; justify-content: center; min-height: 40px; padding: 4px; border-radius: 0; border-bottom: 2px solid transparent; font-size: 14px; }
  .filter[aria-current="true"] { background: none; border-color: var(--accent); }
  .side-foot { gap: 0; }
  .notices .notice:has(.button + .button) { flex-wrap: wrap; align-items: start; row-gap: 8px; }
  .notices .notice:has(.button + .button) .problem-words { flex-basis: calc(100% - 32px); }

  :host(:not([mode])) .desk { grid-template: "side" auto "pane" minmax(0, 1fr) "notices" auto / minmax(0, 1fr); }
  :host(:not([mode])) :is(.list-pane, .reader) { grid-area: pane; transition: opacity 120ms ease-out; }
  /* Hidden but laid out: the list keeps its place. */
  :host(:not([mode])) :is([data-pane="list"] .reader, [data-pane="reader"] .list-pane) { visibility: hidden; opacity: 0; }
  :host(:not([mode])) [data-pane="reader"] .side { display: none; }
  :host(:not([mode])) .button-back { display: inline-flex; }
}
@container poplar (width < 400px) {
  .side-server { display: none; }
}
@container poplar (width < 480px) {
  .side-foot .button:is([data-testid="settings-open"], [data-testid="lock-now"]) span { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
}

/* The list: header, progress, and what stands where there are no rows; the rows are in list-styles.js. */
.list-pane {
  position: relative;
  display: flex;
  flex-direction: column;
  min-width: 0;
  min-height: 0;
  background: var(--ground);
  border-inline-end: 1px solid var(--line);
}
.list-header {
  position: relative;
  display: flex;
  align-items: center;
  gap: 12px;
  flex: none;
  min-height: var(--head);
  padding: 0 16px;
  border-bottom: 1px solid var(--line);
}
.list-heading { flex: 1; min-width: 0; }
.pane-title { font-weight: 600; line-height: 22px; }
.list-status { font-size: 13px; line-height: 18px; color: var(--text-quiet); }
.list-status[data-idle="true"] { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.bar { position: absolute; inset: auto 0 -1px; height: 2px; overflow: hidden; visibility: hidden; background: var(--line); }
.bar[data-shown="true"] { visibility: visible; }
.bar-fill { height: 100%; background: var(--accent); transform: scaleX(0); transform-origin: 0 50%; transition: transform 120ms linear; }
.bar[data-unknown="true"] .bar-fill { transform: none !important; width: 30%; animation: sweep 1.2s ease-in-out infinite alternate; }
@keyframes sweep { to { transform: translateX(233%); } }

.empty { flex: 1; display: grid; place-content: center; justify-items: center; padding: 24px; text-align: center; color: var(--text-quiet); font-size: 14px; }
.empty-title { color: var(--text); font-size: 15px; font-weight: 600; }

/* The reader: tools, header, body, attachments. Text is set to at most 72 characters. */
.reader { display: flex; flex-direction: column; min-width: 0; min-height: 0; background: var(--ground); }
.reader:focus-visible { outline: none; }
.reader-page:focus-visible { outline-offset: -2px; }
.reader-toolbar {
  display: flex;
  align-items: center;
  gap: 8px;
  flex: none;
  min-height: var(--head);
  padding: 0 20px;
  border-bottom: 1px solid var(--line);
}
.reader-toolbar[data-idle="true"] > * { visibility: hidden; }
.reader-toolbar .button-icon[aria-disabled="true"] { color: var(--line-strong); cursor: default; }
.reader-held { display: grid; gap: 12px; justify-items: start; }
.reader-page { flex: 1; min-height: 0; overflow: auto; padding: 20px 24px 32px; }
.reader-page > * { max-width: 760px; }
.reader-page > * + * { margin-top: 16px; }
.reader-none { color: var(--text-quiet); }
.reader-page > .reader-none { display: grid; place-content: center; max-width: none; height: 100%; }
.reader-waiting { color: var(--text-quiet); }

.reader-subject { font-size: 20px; line-height: 28px; font-weight: 600; overflow-wrap: anywhere; text-align: start; unicode-bidi: plaintext; }
.reader-who { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: 0 16px; margin-top: 8px; }
.reader-from { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 8px; min-width: 0; overflow-wrap: anywhere; }
.reader-name { font-weight: 600; }
.reader-address, .reader-date, .reader-to, .reader-state, .reader-note { font-size: 13px; color: var(--text-quiet); }
.reader-to { overflow-wrap: anywhere; }
.reader-label { font-weight: 600; }
.reader-state, .reader-note { display: flex; gap: 6px; align-items: start; margin-top: 8px; }
.reader-state .icon, .reader-note .icon { width: 16px; height: 16px; margin-top: 2px; }
.reader-state[data-state="damaged"] { color: var(--warning); }
.reader-state[data-state="will-be-deleted"] { color: var(--danger); }
.reader-header { padding-bottom: 16px; border-bottom: 1px solid var(--line); }

.reports { display: grid; gap: 8px; margin: 16px 0 0; padding: 0; list-style: none; }
.reports li { display: flex; gap: 8px; align-items: start; padding: 8px 12px; border: 1px solid var(--line); border-radius: var(--radius); overflow-wrap: anywhere; }
.reports .icon { flex: none; width: 18px; height: 18px; margin-top: 2px; color: var(--text-quiet); }
.reports [data-bad="true"] .icon { color: var(--danger); }
.reports .quote { margin-top: 4px; white-space: pre-wrap; }

.attachments-head { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 16px; }
.attachments-head .link { font-size: 13px; }
.attachments-title { font-size: 13px; font-weight: 600; }
.attachments-list { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 8px; }
.attachments-list li { min-width: 0; max-width: 100%; }
.attachment {
  display: grid;
  grid-template: auto auto / auto minmax(0, 1fr) auto;
  align-items: center;
  column-gap: 10px;
  width: 248px;
  max-width: 100%;
  padding: 6px 10px;
  border: 1px solid var(--line);
  border-radius: var(--radius);
  background: none;
  text-align: start;
  cursor: pointer;
}
.attachment:hover { background: var(--ground-hover); border-color: var(--line-strong); }
.attachment .icon { grid-row: span 2; color: var(--text-quiet); }
.attachment .icon[data-icon="save"] { grid-area: 1 / 3 / span 2; color: var(--accent); width: 18px; height: 18px; }
.attachment > span:not(.sr) { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.attachment-name { font-size: 14px; line-height: 20px; }
.attachment-about { grid-column: 2; font-size: 12px; line-height: 16px; color: var(--text-quiet); }

.text { max-width: 72ch; overflow-wrap: anywhere; }
.text-block, .text-quote { white-space: pre-wrap; unicode-bidi: plaintext; text-align: start; }
.text-part { content-visibility: auto; contain-intrinsic-block-size: auto 300em; }
.text-quote { padding-inline-start: 12px; border-inline-start: 2px solid var(--line); color: var(--text-quiet); }

.reader .problem { border: 0; border-radius: var(--radius); flex-wrap: wrap; }
.reader .problem-words { flex-basis: calc(100% - 32px); }

@container poplar (width < 700px) {
  .reader-toolbar { padding: 0 8px; gap: 6px; min-height: 56px; }
  .reader-toolbar .button { padding-inline: 8px; }
  .reader-page { padding: 16px 16px 24px; }
  .attachments-list li, .attachment { width: 100%; }
}
/* Eight tools in 320 px: icons alone, each with its name. */
@container poplar (width < 480px) {
  .reader-toolbar { gap: 0; }
  .reader-toolbar .button span { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .reader-toolbar .button { width: 38px; padding: 3px; border-color: transparent; background: none; }
  .reader-toolbar .button .icon { margin: 0; }
}

/* As little as 256 px, which is what is left of a screen at 400 % (WCAG 2.2, 1.4.10): a message is to be seen beside what is said. */
@media (height < 400px) {
  .desk { --control: 32px; --head: 44px; }
  .filter { min-height: 32px; }
  .reader-toolbar { min-height: var(--head); }
  .reader-page { padding-block: 8px; }
  .notices { max-height: 30vh; }
}

/* Last: what it changes is set above. */
@media (forced-colors: active) {
  .filter[aria-current="true"] { outline: 2px solid Highlight; outline-offset: -2px; }
  .bar-fill { background: Highlight; }
}
`;
