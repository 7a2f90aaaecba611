/**
 * What every screen is made of: colours and type, controls, what is said, and dialogs. Each screen has a sheet of its own beside it, which
 * comes with the screen.
 *
 * Host pages theme with `--poplar-accent`, `--poplar-on-accent`, `--poplar-ground` and `--poplar-font`, and choose light or dark with
 * `color-scheme`. Every text colour has at least 4.5:1 on each ground it is used on, in both schemes.
 */
export const SHARED = /* css */ `
/* Colours and type. */
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
  --line-strong: light-dark(#7f8c89, #6b7976);
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
time, .list-status, .row-size, .filter-count, .countdown { font-variant-numeric: tabular-nums; }
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

/* Controls. */
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
.button-primary:disabled { background: none; border-color: var(--line); color: var(--text-quiet); }
.button-danger { border-color: var(--danger); color: var(--danger); }
.button-wide { width: 100%; min-height: 40px; font-size: 15px; }
.link { padding: 0; border: 0; background: none; color: var(--accent); text-decoration: underline; cursor: pointer; }
.form { display: grid; gap: 16px; }
.field { display: grid; gap: 4px; }
.field label { font-size: 13px; font-weight: 600; }
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

/* What is said in a strip or on a card: what went wrong, and what becomes of the mail. */
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
@container poplar (width < 700px) {
  .problem { flex-wrap: wrap; row-gap: 8px; align-items: start; }
  .problem .problem-words { flex-basis: calc(100% - 32px); }
  .problem-actions { margin-inline-start: auto; }
  .notice, .notices .problem { padding: 8px 12px; font-size: 13px; line-height: 18px; }
}

/* What is asked above everything else. */
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

@media (height < 400px) {
  :host { min-height: 256px; }
}
@media (prefers-reduced-motion: reduce) {
  *, ::before, ::after { animation: none !important; transition: none !important; }
}
`;
