import { stripVTControlCharacters } from 'node:util';
import type { Paint } from './style.ts';

/** A column of a table. */
export interface Column<Row> {
  readonly title: string;
  /** Numbers are aligned right. */
  readonly isNumber?: boolean;
  readonly cell: (row: Row) => string;
}

/**
 * Lays out a table, as wide as its content needs. If that is wider than the screen, the widest text column is cut.
 *
 * @param width - characters in a line of the screen
 */
export function layOutTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
  paint: Paint,
): string[] {
  const cells = rows.map((row) => columns.map(({ cell }) => cell(row)));
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((line) => lengthOf(line[index] ?? ''))),
  );
  const tooWide = widths.reduce((sum, one) => sum + one + 2, -2) - width;
  if (tooWide > 0) {
    const texts = widths.map((one, index) => (columns[index]?.isNumber ? 0 : one));
    const widest = texts.indexOf(Math.max(...texts));
    widths[widest] = Math.max(8, (widths[widest] ?? 0) - tooWide);
  }
  const line = (of: readonly string[]): string =>
    of
      .map((text, index) => fit(text, widths[index] ?? 0, columns[index]?.isNumber === true))
      .join('  ')
      .trimEnd();
  return [paint(line(columns.map(({ title }) => title)), 'dim'), ...cells.map(line)];
}

function fit(text: string, width: number, isNumber: boolean): string {
  const length = lengthOf(text);
  if (length > width) return cut(stripVTControlCharacters(text), width);
  const space = ' '.repeat(width - length);
  return isNumber ? space + text : text + space;
}

function cut(text: string, width: number): string {
  let kept = '';
  let used = 1;
  for (const character of text) {
    used += lengthOf(character);
    if (used > width) break;
    kept += character;
  }
  return `${kept}…${' '.repeat(Math.max(0, width - lengthOf(kept) - 1))}`;
}

/** Characters that take two places on a screen: Chinese, Japanese, Korean, emoji (Unicode Standard Annex 11). */
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/gu;

/** Places on a screen, without the codes of colours. */
function lengthOf(text: string): number {
  const shown = stripVTControlCharacters(text);
  return [...shown].length + (shown.match(wide)?.length ?? 0);
}
