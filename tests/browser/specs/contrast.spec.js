// Every pair of colours that is meant to be read has the contrast of WCAG 2.2 AA, in both themes, whether a screen of ours shows it by now or not.

import { SHARED } from "../../../web/lib/element/styles.js";
import { expect, test } from "../fixtures/test.js";

const GROUNDS = ["ground", "ground-side", "ground-hover", "ground-field"];
/** Text (1.4.3): 4.5:1 on each ground that it is used on. */
const TEXT = [
  ["text", [...GROUNDS, "accent-ground", "warning-ground", "danger-ground"]],
  ["text-quiet", [...GROUNDS, "accent-ground", "warning-ground", "danger-ground"]],
  ["accent", [...GROUNDS, "accent-ground"]],
  ["warning", [...GROUNDS, "accent-ground", "warning-ground"]],
  ["danger", [...GROUNDS, "accent-ground", "danger-ground"]],
  ["on-accent", ["accent"]],
];
/** Edges of controls, and where the keyboard is (1.4.11): 3:1. */
const EDGES = [
  ["line-strong", GROUNDS],
  ["accent", [...GROUNDS, "accent-ground", "warning-ground", "danger-ground"]],
];

const colours = new Map(
  [...SHARED.matchAll(/--([a-z-]+): (?:var\([^,]+, )?light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map(([, name, light, dark]) => [name, { light, dark }]),
);

/** Relative luminance, as WCAG 2.2 defines it. */
function luminance(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one, other) {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

for (const theme of ["light", "dark"]) {
  test(`contrast, ${theme}`, () => {
    for (const [pairs, least] of [[TEXT, 4.5], [EDGES, 3]]) {
      for (const [name, grounds] of pairs) {
        for (const ground of grounds) {
          expect.soft(contrast(colours.get(name)[theme], colours.get(ground)[theme]), `${name} on ${ground}`).toBeGreaterThanOrEqual(least);
        }
      }
    }
  });
}
