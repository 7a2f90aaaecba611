/** What is seen of HTML mail around its frame, and the frame itself. */
export const STYLES = /* css */ `
.reader-view { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 8px 16px; }
.reader-view > .reader-note { flex: 1 1 100%; }
.reader-view .reader-note { margin: 0; }
.reader-images { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 12px; flex: 1 1 300px; }
.reader-images .reader-note { flex: 1 1 220px; }
.reader-images-show { min-height: 28px; padding: 1px 10px; font-size: 13px; }
.segments { display: inline-flex; flex: none; margin-inline-start: auto; }
.segment { min-height: 28px; padding: 1px 10px; border: 1px solid var(--line); background: none; font-size: 13px; color: var(--text-quiet); cursor: pointer; }
.segment:first-child { border-start-start-radius: var(--radius); border-end-start-radius: var(--radius); }
.segment:last-child { border-start-end-radius: var(--radius); border-end-end-radius: var(--radius); }
.segment + .segment { border-inline-start: 0; }
.segment[aria-pressed="true"] { background: var(--accent-ground); color: var(--text); font-weight: 600; }

/* A framed message scrolls inside its frame, which has no scripts and so cannot say how tall it is: it takes what is left. */
.reader-page[data-framed="true"] { display: flex; flex-direction: column; padding-bottom: 20px; }
.reader-page[data-framed="true"] > * { width: 100%; max-width: 960px; }
.reader-page[data-framed="true"] .reader-body { flex: 1 0 auto; display: flex; min-height: min(420px, 70vh); }
.html-frame { flex: 1; width: 100%; border: 1px solid var(--line); border-radius: var(--radius); }
/* Colours that a message brings were chosen for a light ground. */
.html-frame[data-light="true"] { background: #ffffff; color-scheme: light; }

@media (forced-colors: active) {
  .segment[aria-pressed="true"] { outline: 2px solid Highlight; outline-offset: -2px; }
}
`;
