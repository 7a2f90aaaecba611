/** The reader: tools, header, body, attachments. Text is set to at most 72 characters. */
export const reader = /* css */ `
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
