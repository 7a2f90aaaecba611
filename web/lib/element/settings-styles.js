/** The settings, the log and the import of a copy. It comes when one of them is first opened. */
export const SETTINGS = /* css */ `
.settings {
  width: min(600px, calc(100vw - 32px));
  max-width: none;
  max-height: min(800px, calc(100dvh - 32px));
  padding: 0;
  overflow: hidden;
}
.settings[open] { display: flex; flex-direction: column; }
.settings-page { display: flex; flex-direction: column; min-height: 0; }
.settings-head, .settings-foot { display: flex; align-items: center; gap: 8px; flex: none; padding: 12px 24px; }
.settings-head { justify-content: space-between; border-bottom: 1px solid var(--line); }
.settings-foot { flex-wrap: wrap; justify-content: end; border-top: 1px solid var(--line); }
.settings-body { display: flex; flex-direction: column; gap: 24px; padding: 20px 24px; overflow: auto; }
.settings-body > * { flex: none; }
.settings-body > :empty { display: none; }
.settings-body:focus-visible { outline-offset: -2px; }
.settings p { margin: 0; }
.settings fieldset { display: grid; gap: 8px; min-width: 0; margin: 0; padding: 0; border: 0; }
.settings legend, .settings-title { padding: 0; margin-bottom: 8px; font-weight: 600; }
.settings .field > label { font-size: inherit; }
.settings .check { align-items: start; min-height: 24px; }
.settings .check label { cursor: pointer; }
.settings .row-of { display: flex; flex-wrap: wrap; align-items: center; gap: 8px; }
.settings .input { width: auto; min-width: 0; max-width: 100%; }
.settings .beside { display: flex; align-items: center; gap: 8px; margin-inline-start: 28px; font-size: 13px; }
.settings .beside .input { min-height: 32px; padding-block: 2px; }
.settings .days { width: 88px; }
.settings-part { display: grid; gap: 8px; padding-top: 20px; border-top: 1px solid var(--line); }
.settings-part .settings-title { margin: 0; }
.settings-part > p:empty { display: none; }
.settings .problem { border: 0; border-radius: var(--radius); }
.copies-state { display: flex; align-items: center; gap: 12px; min-height: 32px; font-size: 14px; font-variant-numeric: tabular-nums; }
.copies-state:has(> p:empty) { display: none; }
.copies-state p { flex: 1; min-width: 0; }

.log { border: 1px solid var(--line); border-radius: var(--radius); overflow: hidden; }
.log:empty { display: none; }
.log-entry { display: grid; grid-template-columns: 128px minmax(0, 1fr); gap: 0 12px; padding: 6px 12px; }
.log-entry + .log-entry { border-top: 1px solid var(--line); }
.log-entry time { font-size: 13px; line-height: 22px; color: var(--text-quiet); }
.log-entry[data-broken="true"] { background: var(--danger-ground); }
.log-what { overflow-wrap: anywhere; }
.log-name { grid-column: 2; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: 14px; color: var(--text-quiet); unicode-bidi: plaintext; text-align: start; }
.log-said { flex: 1; font-size: 13px; }

.dry-list { border: 1px solid var(--line); border-radius: var(--radius); overflow: hidden; }
.dry-row { display: grid; grid-template: auto auto / minmax(0, 1fr) auto; gap: 0 12px; padding: 8px 12px; }
.dry-row + .dry-row { border-top: 1px solid var(--line); }
.dry-row > * { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.dry-row time, .dry-more { font-size: 13px; color: var(--text-quiet); }
.dry-subject { grid-column: 1 / -1; font-size: 14px; color: var(--text-quiet); unicode-bidi: plaintext; text-align: start; }

@media (width < 520px) {
  .settings { width: 100vw; height: 100dvh; max-height: none; margin: 0; border: 0; border-radius: 0; }
  .settings-head, .settings-foot { padding: 8px 16px; }
  .settings-body { padding: 16px; }
  .settings .settings-foot .button { flex: 1; }
  .log-entry { grid-template-columns: minmax(0, 1fr) auto; }
  .log-what { grid-area: 1 / 1; }
  .log-name { grid-column: 1 / -1; }
}
`;
