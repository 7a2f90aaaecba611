/** The list: header, progress, rows of 64 px, and what stands where there are none. */
export const list = /* css */ `
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
`;
