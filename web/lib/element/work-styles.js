/** What is opened above the desk now and then. It comes when one of these pages is first opened. */
export const WORK = /* css */ `
.page {
  width: min(640px, calc(100vw - 32px));
  max-width: none;
  max-height: min(800px, calc(100dvh - 32px));
  padding: 0;
  overflow: hidden;
}
.page[open] { display: flex; flex-direction: column; }
.page[data-testid="source"] { width: min(960px, calc(100vw - 32px)); }
.page-head, .page-foot { display: flex; align-items: center; gap: 8px; flex: none; padding: 12px 24px; }
.page-head { justify-content: space-between; border-bottom: 1px solid var(--line); }
.page-foot { flex-wrap: wrap; justify-content: end; border-top: 1px solid var(--line); }
.page-body { display: flex; flex-direction: column; gap: 16px; padding: 20px 24px; overflow: auto; }
.page-body > * { flex: none; }
.page-body:focus-visible { outline-offset: -2px; }
.page p { margin: 0; }
.page-said { flex: 1; font-size: 13px; color: var(--text-quiet); }

.keys { display: grid; margin: 0; }
.keys-row { display: grid; grid-template-columns: 144px minmax(0, 1fr); gap: 12px; padding: 4px 0; align-items: baseline; }
.keys-row + .keys-row { border-top: 1px solid var(--line); }
.keys-row :is(dt, dd) { margin: 0; }
.keys-row dt { display: flex; flex-wrap: wrap; gap: 6px; }
.keys kbd {
  min-width: 28px;
  padding: 1px 7px;
  border: 1px solid var(--line-strong);
  border-radius: 4px;
  background: var(--ground-side);
  font: inherit;
  font-size: 13px;
  text-align: center;
}
.keys[data-off] kbd[data-character="true"] { border-style: dashed; color: var(--text-quiet); text-decoration: line-through; }

.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 4px 16px; margin: 0; }
.facts :is(dt, dd) { margin: 0; overflow-wrap: anywhere; }
.facts dt { color: var(--text-quiet); }
.source { margin: 0; font: 13px/1.45 ui-monospace, "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; }

@media (width < 520px) {
  .page, .page[data-testid="source"] { width: 100vw; height: 100dvh; max-height: none; margin: 0; border: 0; border-radius: 0; }
  .page-head, .page-foot { padding: 8px 16px; }
  .page-body { padding: 16px; }
  .page .page-foot .button { flex: 1; }
  .keys-row { grid-template-columns: 112px minmax(0, 1fr); }
}
`;
