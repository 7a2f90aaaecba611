/**
 * Colours, type, controls, and the panes.
 *
 * Host pages theme with `--poplar-accent`, `--poplar-on-accent`, `--poplar-ground` and `--poplar-font`, and choose light or dark with
 * `color-scheme`. Every text colour has at least 4.5:1 on each ground it is used on, in both schemes.
 */
export const base = /* css */ `
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
.button-primary { border-color: var(--accent); background: var(--accent); color: var(--on-accent); font-weight: 600; }
.button-primary:hover { background: color-mix(in srgb, var(--accent) 90%, var(--text)); }
.button-danger { border-color: var(--danger); color: var(--danger); }
.button-wide { width: 100%; min-height: 40px; font-size: 15px; }
.link { padding: 0; border: 0; background: none; color: var(--accent); text-decoration: underline; cursor: pointer; }

.desk {
  display: grid;
  height: 100%;
  grid-template: "side list reader" minmax(0, 1fr) "notices notices notices" auto / 220px 380px minmax(0, 1fr);
}
.side { grid-area: side; }
.list-pane { grid-area: list; }
.reader { grid-area: reader; }
.notices { grid-area: notices; max-height: 45vh; overflow: auto; }
.button-back { display: none; }

.side {
  display: flex;
  flex-direction: column;
  gap: 16px;
  min-width: 0;
  padding: 12px 8px;
  background: var(--ground-side);
  border-inline-end: 1px solid var(--line);
}
.side-account { padding: 0 8px; min-width: 0; }
.side-user, .side-server { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; line-height: 20px; }
.side-user { font-weight: 600; }
.side-server { font-size: 13px; color: var(--text-quiet); }
.filters { display: flex; flex-direction: column; gap: 2px; }
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
.filter-count { margin-inline-start: auto; font-size: 13px; font-weight: 400; color: var(--text-quiet); }
.filter[aria-current="true"] .filter-count { color: var(--text); }
.filter-short { display: none; }
.side-foot { display: flex; flex-direction: column; align-items: start; gap: 4px; margin-top: auto; }
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

@container poplar (width < 1100px) {
  .desk {
    grid-template: "side side" auto "list reader" minmax(0, 1fr) "notices notices" auto / minmax(300px, 38%) minmax(0, 1fr);
  }
  .side { flex-direction: row; align-items: center; padding: 6px 8px; border-inline-end: 0; border-bottom: 1px solid var(--line); }
  .side-account { max-width: 180px; }
  .filters { flex-direction: row; }
  .filter-long { display: none; }
  .filter-short { display: inline; }
  .filter-count { margin-inline-start: 0; }
  .side-foot { flex-direction: row; margin: 0 0 0 auto; }
  .side-kept { display: none; }
  .list-heading .pane-title { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
}
@container poplar (width < 860px) {
  .side { gap: 8px; }
  .side .filter .icon { display: none; }
  .side-foot .button[data-testid="clear"] span { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
}
@container poplar (width < 700px) {
  .desk {
    --control: 40px;
    --head: 64px;
    grid-template: "side" auto "pane" minmax(0, 1fr) "notices" auto / minmax(0, 1fr);
  }
  .list-pane, .reader { grid-area: pane; transition: visibility 0s, opacity 120ms ease-out; }
  /* Hidden but laid out: the list keeps its place. */
  .desk[data-pane="list"] .reader, .desk[data-pane="reader"] .list-pane { visibility: hidden; opacity: 0; }
  .desk[data-pane="reader"] .side { display: none; }
  .button-back { display: inline-flex; }
  .side { flex-wrap: wrap; row-gap: 0; padding: 4px 8px 0; }
  .side-account { flex: 1; max-width: none; display: flex; gap: 8px; align-items: baseline; }
  .filters { order: 1; width: 100%; gap: 4px; }
  .filter { flex: 1; justify-content: center; min-height: 40px; padding: 4px; border-radius: 0; border-bottom: 2px solid transparent; font-size: 14px; }
  .filter[aria-current="true"] { background: none; border-color: var(--accent); }
  .side-foot { gap: 0; }
  .problem { flex-wrap: wrap; row-gap: 8px; align-items: start; }
  .problem .problem-words { flex-basis: calc(100% - 32px); }
  .problem-actions { margin-inline-start: auto; }
  .notice { padding: 8px 12px; font-size: 13px; line-height: 18px; }
}
:host([mode="list"]) .desk { grid-template: "side" auto "list" minmax(0, 1fr) "notices" auto / minmax(0, 1fr); }
:host([mode="reader"]) .desk { grid-template: "reader" minmax(0, 1fr) "notices" auto / minmax(0, 1fr); }
:host([mode="both"]) .desk { grid-template: "side side" auto "list reader" minmax(0, 1fr) "notices notices" auto / 38% minmax(0, 1fr); }
:host([mode="list"]) .reader, :host([mode="reader"]) :is(.side, .list-pane, .button-back), :host([mode="both"]) .button-back { display: none; }
:host([mode="both"]) .side { display: flex; }
:host([mode="reader"]) .reader, :host([mode="both"]) :is(.list-pane, .reader) { visibility: visible; opacity: 1; }
:host([mode="both"]) .list-pane { grid-area: list; }
:host([mode="both"]) .reader, :host([mode="reader"]) .reader { grid-area: reader; }
:host([mode="list"]) .list-pane { grid-area: list; }
@media (prefers-reduced-motion: reduce) {
  *, ::before, ::after { animation: none !important; transition: none !important; }
}
@media (forced-colors: active) {
  .row[aria-selected="true"], .filter[aria-current="true"] { outline: 2px solid Highlight; outline-offset: -2px; }
  .bar-fill { background: Highlight; }
}
`;
