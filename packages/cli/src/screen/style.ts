/** How text is shown. */
export type Look = 'bold' | 'dim' | 'good' | 'warn' | 'bad';

/** Gives text a look, if the output shows it. */
export type Paint = (text: string, look: Look) => string;

const codes: Readonly<Record<Look, readonly [on: number, off: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  good: [32, 39],
  warn: [33, 39],
  bad: [31, 39],
};

/** Leaves text as it is. */
export const plain: Paint = (text) => text;

/** Uses the colours of a terminal (ECMA-48, SGR). */
export const coloured: Paint = (text, look) => `\u001b[${codes[look][0]}m${text}\u001b[${codes[look][1]}m`;

/**
 * How an output shows text: with colours on a terminal only, unless `NO_COLOR` is set (https://no-color.org) or the terminal is a dumb one.
 * `FORCE_COLOR` wants colours anywhere.
 */
export function paintFor({ isTTY }: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): Paint {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return plain;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0') return coloured;
  return isTTY === true && env.TERM !== 'dumb' ? coloured : plain;
}
