/** @type {CSSStyleSheet[] | undefined} */
let sheets;

/**
 * The element's style sheet, made once and shared by all elements of a page. It is adopted and never written into markup: a `<style>`
 * would be refused by a strict content policy.
 */
export function styleSheets() {
  if (!sheets) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    sheets = [sheet];
  }
  return sheets;
}

/**
 * Host pages theme with `--poplar-accent`, `--poplar-on-accent`, `--poplar-ground` and `--poplar-font`, and choose light or dark with
 * `color-scheme`. Every text colour has at least 4.5:1 on each ground it is used on, in both schemes.
 */
const CSS = /* css */ `
/* Colours, type, controls, and the panes. */
:host {
  display: block;
  min-height: 360px;
  color-scheme: light dark;
  --ground: var(--poplar-ground, light-dark(#ffffff, #141a19));
  --ground-side: light-dark(#f4f6f6, #0f1413);
  --ground-hover: light-dark(#f1f4f4, #1b2322);
  --ground-field: light-dark(#ffffff, #0f1413);
  --text: light-dark(#17211f, #e3eae8);
  --text-quiet: light-dark(#54625f, #9caaa7);
  --line: light-dark(#dfe5e4, #2a3432);
  --line-strong: light-dark(#85928f, #6b7976);
  --accent: var(--poplar-accent, light-dark(#0a6660, #5fc7bc));
  --on-accent: var(--poplar-on-accent, light-dark(#ffffff, #06201d));
  --accent-ground: light-dark(#e3f1ef, #16302d);
  --warning: light-dark(#7f4d00, #e6b55f);
  --warning-ground: light-dark(#fdf4e3, #2b2314);
  --danger: light-dark(#ab231b, #f29a92);
  --danger-ground: light-dark(#fceeec, #321c1a);
  --radius: 6px;
  --head: 64px;
  --control: 32px;
  font: 15px/1.5 var(--poplar-font, -apple-system, "Segoe UI", Roboto, "Noto Sans", Ubuntu, Cantarell, "Liberation Sans", Arial, sans-serif);
}
:host([hidden]), [hidden] { display: none !important; }
*, ::before, ::after { box-sizing: border-box; }
h1, h2, h3, p, ul, ol, blockquote { margin: 0; padding: 0; font-size: inherit; }
ul, ol { list-style: none; }
button, input, select { font: inherit; color: inherit; margin: 0; }
time, .list-status, .row-size, .filter-count { font-variant-numeric: tabular-nums; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }

.app {
  container: poplar / inline-size;
  height: 100%;
  min-height: inherit;
  overflow: hidden;
  color: var(--text);
  background: var(--ground);
  -webkit-text-size-adjust: none;
  text-size-adjust: none;
}
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.icon {
  flex: none;
  width: 20px;
  height: 20px;
  fill: none;
  stroke: currentColor;
  stroke-width: 1.5;
  stroke-linecap: round;
  stroke-linejoin: round;
}
.spring { flex: 1; }
.check-short { display: none; }

.button {
  display: inline-flex;
  align-items: center;
  justify-content: center;
  gap: 8px;
  flex: none;
  min-height: var(--control);
  padding: 3px 12px;
  border: 1px solid var(--line-strong);
  border-radius: var(--radius);
  background: var(--ground);
  font-size: 14px;
  white-space: nowrap;
  cursor: pointer;
}
.button .icon { width: 18px; height: 18px; margin-inline-start: -2px; }
.button:hover { background: var(--ground-hover); }
.button:disabled { color: var(--text-quiet); border-color: var(--line); cursor: default; }
.button-icon { padding: 3px; width: var(--control); border-color: transparent; background: none; }
.button-icon .icon { margin: 0; }
.button-quiet { border-color: transparent; background: none; padding-inline: 8px; }
:is(.button-icon, .button-quiet):disabled { border-color: transparent; }
.button-primary { border-color: var(--accent); background: var(--accent); color: var(--on-accent); font-weight: 600; }
.button-primary:hover { background: color-mix(in srgb, var(--accent) 90%, var(--text)); }
.button-danger { border-color: var(--danger); color: var(--danger); }
.button-wide { width: 100%; min-height: 40px; font-size: 15px; }
.link { padding: 0; border: 0; background: none; color: var(--accent); text-decoration: underline; cursor: pointer; }

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

.problem, .notice {
  display: flex;
  align-items: center;
  gap: 12px;
  padding: 12px 16px;
  border-top: 1px solid var(--line);
  font-size: 14px;
}
.problem { background: var(--danger-ground); }
.problem > .icon { color: var(--danger); }
.notice { background: var(--accent-ground); }
.notice > .icon { color: var(--accent); }
.notice[data-kind="deletion"] { background: var(--warning-ground); }
.notice[data-kind="deletion"] > .icon { color: var(--warning); }
.problem-words { flex: 1; min-width: 0; overflow-wrap: anywhere; }
.problem-quote { margin-top: 4px; color: var(--text-quiet); font-size: 13px; }
.problem-quote q, q.problem-quote { display: block; padding-inline-start: 8px; border-inline-start: 2px solid var(--line-strong); quotes: none; white-space: pre-wrap; }
.problem-actions { display: flex; flex-wrap: wrap; gap: 8px; justify-content: end; }
.problem-actions:empty { display: none; }
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
  :host(:not([mode])) .side-foot { flex-direction: column; align-items: start; margin: auto 0 0; }
}
@container poplar (width < 1100px) {
  .pane-title { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
}
@container poplar (width < 860px) {
  .side { gap: 8px; }
  .check-long { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .check-short { display: inline; }
  .filter .icon { display: none; }
  .side-foot .button[data-testid="clear"] span { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
}
@container poplar (width < 700px) {
  .desk { --control: 40px; }
  .side { flex-wrap: wrap; row-gap: 0; padding: 4px 8px 0; }
  .side-account { flex: 1; max-width: none; display: flex; gap: 8px; align-items: baseline; }
  .filters { order: 1; width: 100%; gap: 4px; }
  .filter { flex: 1; justify-content: center; min-height: 40px; padding: 4px; border-radius: 0; border-bottom: 2px solid transparent; font-size: 14px; }
  .filter[aria-current="true"] { background: none; border-color: var(--accent); }
  .side-foot { gap: 0; }
  .problem { flex-wrap: wrap; row-gap: 8px; align-items: start; }
  .problem .problem-words { flex-basis: calc(100% - 32px); }
  .problem-actions { margin-inline-start: auto; }
  .notice, .notices .problem { padding: 8px 12px; font-size: 13px; line-height: 18px; }
  .notices .notice:has(.button + .button) { flex-wrap: wrap; align-items: start; row-gap: 8px; }
  .notices .notice:has(.button + .button) .problem-words { flex-basis: calc(100% - 32px); }

  :host(:not([mode])) .desk { grid-template: "side" auto "pane" minmax(0, 1fr) "notices" auto / minmax(0, 1fr); }
  :host(:not([mode])) :is(.list-pane, .reader) { grid-area: pane; transition: opacity 120ms ease-out; }
  /* Hidden but laid out: the list keeps its place. */
  :host(:not([mode])) :is([data-pane="list"] .reader, [data-pane="reader"] .list-pane) { visibility: hidden; opacity: 0; }
  :host(:not([mode])) [data-pane="reader"] .side { display: none; }
  :host(:not([mode])) .button-back { display: inline-flex; }
}
@media (prefers-reduced-motion: reduce) {
  *, ::before, ::after { animation: none !important; transition: none !important; }
}
@media (forced-colors: active) {
  .row[aria-selected="true"], .filter[aria-current="true"], .segment[aria-pressed="true"] { outline: 2px solid Highlight; outline-offset: -2px; }
  .bar-fill { background: Highlight; }
  .row::before { background: CanvasText !important; }
}

/* First visit, sign-in card, its steps, and the dialog. */
.welcome {
  display: grid;
  grid-template-columns: minmax(0, 420px) minmax(0, 380px);
  place-content: center;
  align-items: center;
  gap: 24px 80px;
  height: 100%;
  padding: 32px 24px;
  overflow: auto;
  background: var(--ground-side);
}
.intro-title { font-size: 28px; line-height: 36px; font-weight: 600; text-wrap: balance; }
.intro-lead { margin-top: 8px; color: var(--text-quiet); }
.facts { display: grid; gap: 16px; margin-top: 28px; }
.facts li { display: flex; gap: 12px; }
.facts .icon { margin-top: 2px; color: var(--accent); }
.facts h2 { font-weight: 600; }
.facts p { font-size: 14px; color: var(--text-quiet); }

.card {
  display: grid;
  gap: 16px;
  padding: 24px;
  border: 1px solid var(--line);
  border-radius: 10px;
  background: var(--ground);
}
.card-title { font-size: 20px; line-height: 28px; font-weight: 600; }
.card-loading { color: var(--text-quiet); }
.card-messages:empty { display: none; }
.card .problem, .card .notice { flex-wrap: wrap; align-items: start; border: 0; border-radius: var(--radius); padding: 12px; }
.card .problem-words { flex-basis: calc(100% - 32px); }
.card .notice p { flex: 1; }
.card .problem-actions { justify-content: start; margin-inline: 32px 0; }
.form { display: grid; gap: 16px; }
.field { display: grid; gap: 4px; }
.field label { font-size: 13px; font-weight: 600; }
.upstream-name:empty { display: none; }
.input {
  width: 100%;
  min-height: 40px;
  padding: 6px 10px;
  border: 1px solid var(--line-strong);
  border-radius: var(--radius);
  background: var(--ground-field);
}
.input:focus-visible { outline-offset: -1px; }
.check { display: grid; grid-template-columns: auto 1fr; gap: 10px; }
.check input { width: 18px; height: 18px; margin-top: 2px; accent-color: var(--accent); }
.hint { font-size: 13px; color: var(--text-quiet); }
.kept-here { display: flex; gap: 8px; font-size: 13px; color: var(--text-quiet); }
.kept-here .icon { width: 18px; height: 18px; color: var(--accent); }
.accounts { display: grid; gap: 8px; padding-bottom: 16px; border-bottom: 1px solid var(--line); }
.accounts-title { font-size: 13px; font-weight: 600; }
.account-choice {
  display: flex;
  justify-content: space-between;
  align-items: baseline;
  gap: 12px;
  min-height: 40px;
  padding: 4px 12px;
  border: 1px solid var(--line);
  border-radius: var(--radius);
  background: none;
  text-align: start;
  cursor: pointer;
  overflow-wrap: anywhere;
}
.account-choice:hover { background: var(--ground-hover); }

.connecting { display: grid; gap: 20px; }
.steps { display: grid; gap: 12px; }
.step { display: flex; align-items: center; gap: 12px; }
.step-mark {
  display: grid;
  place-items: center;
  width: 22px;
  height: 22px;
  border: 1.5px solid var(--line-strong);
  border-radius: 50%;
  color: var(--on-accent);
}
.step-mark .icon { width: 14px; height: 14px; stroke-width: 2.5; visibility: hidden; }
.step-state { margin-inline-start: auto; font-size: 13px; color: var(--text-quiet); }
.step[data-step="done"] .step-mark { border-color: var(--accent); background: var(--accent); }
.step[data-step="done"] .icon { visibility: visible; }
.step[data-step="now"] { font-weight: 600; }
.step[data-step="now"] .step-mark { border-color: var(--accent); border-inline-start-color: transparent; animation: turn 900ms linear infinite; }
.step[data-step="due"] { color: var(--text-quiet); }
@keyframes turn { to { transform: rotate(360deg); } }

.dialog {
  width: min(440px, calc(100vw - 32px));
  padding: 24px;
  border: 1px solid var(--line);
  border-radius: 10px;
  color: var(--text);
  background: var(--ground);
}
.dialog::backdrop { background: rgb(0 0 0 / 0.45); }
.dialog-title { font-size: 20px; line-height: 28px; font-weight: 600; }
.dialog p { margin-top: 12px; }
.dialog-actions { display: flex; flex-wrap: wrap; justify-content: end; gap: 8px; margin-top: 24px; }
.dialog .form { margin-top: 16px; }
.dialog .form .dialog-actions { margin-top: 8px; }
.dialog .button { min-height: 40px; }

@container poplar (width < 860px) {
  .welcome { grid-template-columns: minmax(0, 440px); align-content: start; padding: 24px 16px 40px; }
  .intro { display: contents; }
  .intro-title { font-size: 24px; line-height: 32px; }
  .intro-lead { margin-top: -20px; }
  .facts { order: 1; margin-top: 0; }
}
@container poplar (width < 480px) {
  .side-foot .button[data-testid="settings-open"] span { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .welcome { padding: 20px 12px 32px; }
  .card { padding: 20px 16px; }
}

/* The list: header, progress, rows of 64 px, and what stands where there are none. */
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
  height: var(--head);
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

.list { position: relative; flex: 1; min-height: 0; overflow: auto; overflow-anchor: none; outline: none; }
.list[data-empty="true"] { flex: none; height: 0; }
.list-rows { position: relative; overflow: hidden; }
.row {
  position: absolute;
  inset: 0 0 auto;
  display: grid;
  grid-template: 21px 19px 18px / minmax(0, 1fr) auto;
  column-gap: 12px;
  height: 64px;
  padding: 2px 16px 3px 28px;
  border-bottom: 1px solid var(--line);
  cursor: pointer;
  contain: strict;
}
.row:dir(rtl) { padding: 2px 28px 3px 16px; }
.row:hover { background: var(--ground-hover); }
.row[aria-selected="true"] { background: var(--accent-ground); }
.list:focus-visible .row[data-active="true"] { outline: 2px solid var(--accent); outline-offset: -2px; }
.row[data-unread="true"]::before {
  content: "";
  position: absolute;
  inset-inline-start: 11px;
  top: 10px;
  width: 8px;
  height: 8px;
  border-radius: 50%;
  background: var(--accent);
}
.row > * { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.row-sender { grid-area: 1 / 1; line-height: 21px; }
.row-time { grid-area: 1 / 2; justify-self: end; font-size: 13px; line-height: 21px; color: var(--text-quiet); }
.row-subject { grid-area: 2 / 1; font-size: 14px; line-height: 19px; unicode-bidi: plaintext; text-align: start; }
.row-clip { grid-area: 2 / 2; justify-self: end; color: var(--text-quiet); }
.row-state { grid-area: 3 / 1; display: flex; align-items: center; gap: 5px; font-size: 12px; line-height: 18px; color: var(--text-quiet); }
.row-size { grid-area: 3 / 2; justify-self: end; font-size: 12px; line-height: 18px; color: var(--text-quiet); }
.row-state .icon, .row-clip .icon { width: 15px; height: 15px; }
.row-clip .icon { margin-top: 2px; }
.row [data-absent="true"] { color: var(--text-quiet); font-style: italic; }
.row[data-unread="true"] .row-sender { font-weight: 600; }
.row[data-unread="true"] .row-time { color: var(--text); }
.row[data-state="new"] .row-state { color: var(--accent); }
.row[data-state="will-be-deleted"] .row-state { color: var(--danger); }
.row[data-state="will-be-deleted"] .row-subject { text-decoration: line-through; text-decoration-color: var(--line-strong); }
.row[aria-busy="true"] > * { visibility: hidden; }

.empty { flex: 1; display: grid; place-content: center; justify-items: center; padding: 24px; text-align: center; color: var(--text-quiet); font-size: 14px; }
.empty-title { color: var(--text); font-size: 15px; font-weight: 600; }

/* The reader: tools, header, body, attachments. Text is set to at most 72 characters. */
.reader { display: flex; flex-direction: column; min-width: 0; min-height: 0; background: var(--ground); }
.reader:focus-visible { outline: none; }
.reader-toolbar {
  display: flex;
  align-items: center;
  gap: 8px;
  flex: none;
  height: var(--head);
  padding: 0 20px;
  border-bottom: 1px solid var(--line);
}
.reader-toolbar[data-idle="true"] > * { visibility: hidden; }
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
.reader-state[data-state="will-be-deleted"] { color: var(--danger); }
.reader-header { padding-bottom: 16px; border-bottom: 1px solid var(--line); }

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

.reader-view { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 8px 16px; }
.reader-view .reader-note { flex: 1 1 260px; margin: 0; }
.segments { display: inline-flex; flex: none; }
.segment { min-height: 28px; padding: 1px 10px; border: 1px solid var(--line); background: none; font-size: 13px; color: var(--text-quiet); cursor: pointer; }
.segment:first-child { border-start-start-radius: var(--radius); border-end-start-radius: var(--radius); }
.segment:last-child { border-start-end-radius: var(--radius); border-end-end-radius: var(--radius); }
.segment + .segment { border-inline-start: 0; }
.segment[aria-pressed="true"] { background: var(--accent-ground); color: var(--text); font-weight: 600; }

.text { max-width: 72ch; overflow-wrap: anywhere; }
.text-block, .text-quote { white-space: pre-wrap; unicode-bidi: plaintext; text-align: start; }
.text-quote { padding-inline-start: 12px; border-inline-start: 2px solid var(--line); color: var(--text-quiet); }

/* A framed message scrolls inside its frame, which has no scripts and so cannot say how tall it is: it takes what is left. */
.reader-page[data-framed="true"] { display: flex; flex-direction: column; padding-bottom: 20px; }
.reader-page[data-framed="true"] > * { width: 100%; max-width: 960px; }
.reader-page[data-framed="true"] .reader-body { flex: 1 0 auto; display: flex; min-height: min(420px, 70vh); }
.html-frame { flex: 1; width: 100%; border: 1px solid var(--line); border-radius: var(--radius); background: #ffffff; color-scheme: light; }

.reader .problem { border: 0; border-radius: var(--radius); flex-wrap: wrap; }
.reader .problem-words { flex-basis: calc(100% - 32px); }

@container poplar (width < 700px) {
  .reader-toolbar { padding: 0 8px; gap: 6px; height: 56px; }
  .reader-toolbar .button { padding-inline: 8px; }
  .reader-page { padding: 16px 16px 24px; }
  .attachments-list li, .attachment { width: 100%; }
}
@container poplar (width < 400px) {
  .reader-toolbar .button:not(.button-back) span { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .reader-toolbar .button:not(.button-back) { width: 40px; padding: 3px; }
  .reader-toolbar .button .icon { margin: 0; }
}
`;
