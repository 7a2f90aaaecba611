const SVG = "http://www.w3.org/2000/svg";

/**
 * One small set: 20 px grid, 1.5 px stroke, round ends, drawn in the text's colour. Each is the `d` of one path.
 */
const PATHS = {
  inbox: "M2.75 11.5 5 4.25h10l2.25 7.25v4.25H2.75ZM2.75 11.5h4.1c.5 1.5 1.6 2.25 3.15 2.25s2.65-.75 3.15-2.25h4.1",
  unread: "M2.75 5h14.5v10.5H2.75ZM3 5.5l7 5.5 7-5.5",
  trash: "M3.5 5.5h13M8 5.25V3h4v2.25M5 5.5l.75 11.25h8.5L15 5.5M8.4 8.5v5M11.6 8.5v5",
  stored: "M3.75 3.5h12.5v13H3.75ZM6.75 10.25l2.25 2.25 4.25-4.75",
  headers: "M3.5 4.5h13M3.5 8.25h13M3.5 12h6M3.5 15.75h3",
  server: "M3.25 3.5h13.5v5H3.25ZM3.25 11.5h13.5v5H3.25ZM6 6h.01M6 14h.01",
  gone: "M3.25 3.5h13.5v5H3.25ZM16.75 11.5H3.25v5h6M12.5 13.5l4 4M16.5 13.5l-4 4M6 6h.01M6 14h.01",
  clock: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM10 6v4.25l2.75 1.75",
  clip: "m15.5 9.25-5.9 5.9a3.4 3.4 0 0 1-4.8-4.8l6.3-6.3a2.25 2.25 0 0 1 3.2 3.2l-6.2 6.2a1.1 1.1 0 0 1-1.6-1.6l5.5-5.5",
  back: "M12.25 4.5 6.75 10l5.5 5.5",
  up: "M4.5 12.5 10 7l5.5 5.5",
  down: "M4.5 7.5 10 13l5.5-5.5",
  check: "m4 10.5 4 4 8-9",
  refresh: "M16.25 9.25A6.4 6.4 0 0 0 4.6 6.75L3.5 8M3.5 3.75V8h4.25M3.75 10.75a6.4 6.4 0 0 0 11.65 2.5L16.5 12M16.5 16.25V12h-4.25",
  exit: "M8 3.5H3.5v13H8M8 10h8.75M13.25 6.25 17 10l-3.75 3.75",
  save: "M10 3v9.25M6 8.5l4 4 4-4M3.5 13.5v3h13v-3",
  undo: "M3.75 8.25h8a4 4 0 0 1 0 8H8M7.25 4.5 3.5 8.25 7.25 12",
  image: "M3 4h14v12H3ZM3 13.5l4-4 3.25 3.25L12.5 10.5l4.5 4M3 3l14 14",
  picture: "M3 4h14v12H3ZM3 13.5l4-4 3.25 3.25L12.5 10.5l4.5 4M12.5 7.25h.01",
  file: "M5 2.75h6.25L15.5 7v10.25H5ZM11 3v4.25h4.25",
  alert: "M10 3 2.25 16.5h15.5ZM10 8v4M10 14.25h.01",
  info: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM10 9.25v4.25M10 6.5h.01",
  close: "m5 5 10 10M15 5 5 15",
  text: "M4 5.5V4h12v1.5M10 4v12M7.75 16h4.5",
  erase: "M8 16.5 3.25 11.75l8.5-8.5 5 5-8.25 8.25ZM7.25 7.75l5 5M8 16.5h8.75",
  key: "M12.5 11.5a4 4 0 1 0-3.8-2.75L3 14.5V17h2.75v-2h2v-2h1.5l1-1.35a4 4 0 0 0 2.25-.15ZM13.25 6.75h.01",
};

/** @typedef {keyof typeof PATHS} IconName */

/**
 * An icon never stands for itself: a word is beside it, or its control has a name. So it is hidden from screen readers.
 *
 * @param {IconName} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "path"));
  setIcon(svg, name);
  return svg;
}

/**
 * @param {SVGSVGElement} svg
 * @param {IconName} name
 */
export function setIcon(svg, name) {
  if (svg.dataset.icon === name) return;
  svg.dataset.icon = name;
  svg.firstElementChild?.setAttribute("d", PATHS[name]);
}
