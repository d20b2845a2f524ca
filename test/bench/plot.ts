/** Bars as SVG: one group for each piece of work, one bar for each server. No library, no fonts to load. */

export interface PlotGroup {
  readonly title: string;
  readonly bars: readonly { readonly label: string; readonly value: number }[];
}

const WIDTH = 960;
const LEFT = 230;
const RIGHT = 90;
const BAR = 18;
const GAP = 6;
const HEAD = 64;
const COLOURS: readonly string[] = [
  '#9aa5b1',
  '#c5ccd3',
  '#1b6ac9',
  '#74a9e8',
  '#e08e45',
  '#a3623a',
  '#7b6fb0',
  '#5f9e6e',
];

/**
 * Draws groups of horizontal bars, all to one scale; values beyond `cap` are cut and say so.
 *
 * @returns a whole SVG document
 */
export function barPlot(
  title: string,
  unit: string,
  groups: readonly PlotGroup[],
  cap: number,
): string {
  const labels = [...new Set(groups.flatMap(({ bars }) => bars.map(({ label }) => label)))];
  const largest = Math.min(
    cap,
    Math.max(...groups.flatMap(({ bars }) => bars.map(({ value }) => value))),
  );
  const scale = (WIDTH - LEFT - RIGHT) / largest;
  const parts: string[] = [];
  let y = HEAD;
  for (const group of groups) {
    parts.push(text(LEFT, y, group.title, 'bold', 'start'));
    y += GAP * 2;
    for (const { label, value } of group.bars) {
      const width = Math.min(value, largest) * scale;
      const colour = COLOURS[labels.indexOf(label) % COLOURS.length] ?? '#888';
      parts.push(
        `<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" fill="${colour}"/>`,
      );
      parts.push(text(LEFT - GAP, y + BAR - 5, label, 'normal', 'end'));
      const cut = value > largest ? ' →' : '';
      parts.push(
        text(LEFT + width + GAP, y + BAR - 5, `${format(value)}${cut}`, 'normal', 'start'),
      );
      y += BAR + GAP;
    }
    y += BAR;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" viewBox="0 0 ${WIDTH} ${y}" font-family="sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${y}" fill="#ffffff"/>`,
    `<text x="16" y="26" font-size="18" font-weight="bold" fill="#222">${escaped(title)}</text>`,
    `<text x="16" y="44" fill="#555">${escaped(unit)}</text>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

/** Three significant digits. */
export function format(value: number): string {
  if (!Number.isFinite(value)) return '-';
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function text(x: number, y: number, words: string, weight: string, anchor: string): string {
  return `<text x="${x.toFixed(1)}" y="${y}" font-weight="${weight}" text-anchor="${anchor}" fill="#222">${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
