/** The card and its states: a first visit and the sign-in, its steps, and a mailbox that is locked. */
export const CARD = /* css */ `
/* First visit, and the card. */
.welcome {
  display: grid;
  grid-template-columns: minmax(0, 420px) minmax(0, 380px);
  place-content: safe center;
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
.upstream-name:empty { display: none; }
.languages { display: flex; gap: 16px; font-size: 13px; }
.languages .link { min-height: 24px; }
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

/* The steps of a sign-in. */
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

/* A locked mailbox, and what is asked where the password does not open what is kept here. */
.locked {
  display: grid;
  grid-template-columns: minmax(0, 420px);
  place-content: safe center;
  height: 100%;
  padding: 32px 16px;
  overflow: auto;
  background: var(--ground-side);
}
.locked-head { display: flex; gap: 12px; align-items: start; }
.locked-head > .icon { width: 24px; height: 24px; margin-top: 2px; color: var(--accent); }
.locked-whose { overflow-wrap: anywhere; }
.locked-meaning, .locked-whose { color: var(--text-quiet); }
.locked-said { font-size: 13px; color: var(--danger); }
.locked-said:empty, .locked-outcome:not(:has(> :not(:empty))) { display: none; }
.dialog .locked-said { margin: 0; }
.locked-actions { display: flex; flex-wrap: wrap; gap: 8px; }
.locked-actions .button { min-height: 40px; }
.locked-actions .button-primary { flex: 1; }
.sealed { display: grid; gap: 16px; }

@container poplar (width < 860px) {
  .welcome { grid-template-columns: minmax(0, 440px); align-content: start; padding: 24px 16px 40px; }
  .intro { display: contents; }
  .intro-title { font-size: 24px; line-height: 32px; }
  .intro-lead { margin-top: -20px; }
  .facts { order: 1; margin-top: 0; }
}
@container poplar (width < 480px) {
  .welcome { padding: 20px 12px 32px; }
  .card { padding: 20px 16px; }
}
`;
