import { appendFileSync } from 'node:fs';
import type { Counts } from './traffic.ts';

/** What agents say in their logs about sessions that move, and whom they blame. */
export interface Moves {
  readonly moved: number;
  readonly pauseMs: number;
  readonly fallbacks: Readonly<Record<string, number>>;
  readonly blamed: Readonly<Record<string, number>>;
}

/** Reads lines of agents' logs. */
export function readMoves(lines: readonly string[]): Moves {
  const moves = { moved: 0, pauseMs: 0, fallbacks: {} as Record<string, number>, blamed: {} as Record<string, number> };
  const count = (to: Record<string, number>, what: string): void => {
    to[what] = (to[what] ?? 0) + 1;
  };
  for (const line of lines) {
    if (!line.startsWith('{')) continue;
    const { message, msg, pauseMs, cause, code, target } = JSON.parse(line);
    const said = String(message ?? msg);
    if (/^session (migrated|failed over)$/.test(said)) {
      moves.moved++;
      moves.pauseMs = Math.max(moves.pauseMs, pauseMs);
    }
    if (said.startsWith('a session could not migrate or fail over')) count(moves.fallbacks, cause);
    if (said.startsWith('a target fails')) count(moves.blamed, `${target} ${code}`);
    if (/target is silent/.test(said)) count(moves.blamed, `${target} ${cause}`);
  }
  return moves;
}

const list = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([what, count]) => `${what} ${count}`)
    .join(', ') || '–';

/** Prints a row of the table in docs/performance.md, and what to look into; `CHAOS_REPORT` names a file that gets both. */
export function report(what: string, where: string, counts: Counts, moves: Moves): void {
  const row = [
    what,
    where,
    counts.clients,
    counts.sent,
    counts.disconnects,
    counts.lost,
    counts.told,
    counts.doubled,
    counts.unanswered,
    moves.moved,
    `${Math.round(moves.pauseMs)} ms`,
  ];
  const { CHAOS_REPORT: file } = process.env;
  const text = `| ${row.join(' | ')} |\n  delivered ${counts.delivered}, misordered ${counts.misordered}, new sessions ${counts.newSessions}, acks ${counts.acks}, longest ${counts.longestMs} ms, POSTs refused: ${list(counts.refused)}; fallbacks: ${list(moves.fallbacks)}; blamed: ${list(moves.blamed)}${counts.examples.map((one) => `\n  ${one}`).join('')}\n`;
  process.stdout.write(text);
  if (file) appendFileSync(file, text);
}
