/** The rows of the list, 64 px each, and what stands above them: search, order, selection. */
export const LIST = /* css */ `
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
  /* Shift selects messages, and no text. */
  user-select: none;
}
.row:dir(rtl) { padding: 2px 28px 3px 16px; }
.row:hover { background: var(--ground-hover); }
.row:is([aria-selected="true"], [aria-current="true"]) { background: var(--accent-ground); }
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
.row-about { grid-area: 2 / 1; display: flex; gap: 8px; font-size: 14px; line-height: 19px; }
.row-about > * { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.row-subject { unicode-bidi: plaintext; text-align: start; }
.row-preview { display: none; flex: 1; min-width: 0; color: var(--text-quiet); }
@container list (width >= 520px) {
  .row-subject { flex: none; max-width: 65%; }
  .row-preview { display: block; }
}
.row-box { display: none; }
.list[data-selecting="true"] .row { padding-inline-start: 52px; }
.list[data-selecting="true"] .row-box {
  position: absolute;
  inset: 22px auto auto;
  inset-inline-start: 24px;
  display: block;
  width: 18px;
  height: 18px;
  border: 1px solid var(--line-strong);
  border-radius: 3px;
}
.row-box .icon { display: none; width: 16px; height: 16px; color: var(--accent); }
.row[aria-selected="true"] .row-box .icon { display: block; }
.row-clip { grid-area: 2 / 2; justify-self: end; color: var(--text-quiet); }
.row-state { grid-area: 3 / 1; display: flex; align-items: center; gap: 5px; font-size: 12px; line-height: 18px; color: var(--text-quiet); }
.row-size { grid-area: 3 / 2; justify-self: end; font-size: 12px; line-height: 18px; color: var(--text-quiet); }
.row-state .icon, .row-clip .icon { width: 15px; height: 15px; }
.row-clip .icon { margin-top: 2px; }
.row [data-absent="true"] { color: var(--text-quiet); font-style: italic; }
.row[data-unread="true"] .row-sender { font-weight: 600; }
.row[data-unread="true"] .row-time { color: var(--text); }
.row[data-state="new"] .row-state { color: var(--accent); }
.row[data-state="damaged"] .row-state { color: var(--warning); }
.row[data-state="will-be-deleted"] .row-state { color: var(--danger); }
.row[data-state="will-be-deleted"] .row-subject { text-decoration: line-through; text-decoration-color: var(--line-strong); }
.row[aria-busy="true"] > * { visibility: hidden; }

.list-pane { container: list / inline-size; }
.list-tools { position: relative; flex: none; border-bottom: 1px solid var(--line); }
.search { display: flex; align-items: center; gap: 4px; padding: 6px 8px 6px 16px; }
.search:dir(rtl) { padding: 6px 16px 6px 8px; }
.search > .icon { flex: none; width: 16px; height: 16px; color: var(--text-quiet); }
.search-box { flex: 1; min-width: 0; min-height: 32px; padding: 2px 4px; border: 0; background: none; font-size: 14px; outline-offset: -2px; }
.search-box::-webkit-search-cancel-button { display: none; }
.order { max-width: 40%; min-height: 32px; border: 0; background: none; font-size: 13px; color: var(--text-quiet); }
.order option { background: var(--ground); color: var(--text); }
.search .button[aria-pressed="true"] { background: var(--accent-ground); color: var(--accent); }
.search-hint { display: none; }
.search:has(.search-box:focus:placeholder-shown) + .search-hint, .search-hint:focus-within {
  position: absolute;
  z-index: 1;
  inset: 100% 8px auto;
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 4px 8px;
  padding: 8px 12px;
  border: 1px solid var(--line-strong);
  border-radius: var(--radius);
  background: var(--ground);
  font-size: 13px;
  color: var(--text-quiet);
}
.operator { min-height: 28px; padding: 1px 8px; border: 1px solid var(--line); border-radius: var(--radius); background: none; font-size: 13px; cursor: pointer; }
.operator:hover { background: var(--ground-hover); }
.search-outcome { padding: 0 16px 6px; font-size: 13px; line-height: 18px; color: var(--text-quiet); }
.search-outcome:empty { padding: 0; }
.selection { display: flex; flex-wrap: wrap; align-items: center; gap: 2px 4px; padding: 2px 8px 6px 16px; }
.selection-count { margin-inline-end: auto; font-size: 13px; font-weight: 600; }
.selection .button { font-size: 13px; padding-inline: 8px; }
@container list (width < 620px) {
  .selection .button .icon + span { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
}

@media (forced-colors: active) {
  .row[aria-selected="true"] { outline: 2px solid Highlight; outline-offset: -2px; }
  .row::before { background: CanvasText !important; }
}
`;
