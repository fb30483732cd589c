import { appendFileSync } from 'node:fs';
import type { Move } from './owners.ts';
import type { Counts } from './traffic.ts';

/** What agents say in their logs about sessions that move, and whom they blame. */
export interface Moves {
  readonly moved: number;
  /** Each of them. */
  readonly moves: readonly Move[];
  /** How long clients waited, in milliseconds: the longest, 99 of 100, and half of them. */
  readonly pauseMs: number;
  readonly p99Ms: number;
  readonly p50Ms: number;
  readonly fallbacks: Readonly<Record<string, number>>;
  readonly blamed: Readonly<Record<string, number>>;
}

/** Reads lines of agents' logs. */
export function readMoves(lines: readonly string[]): Moves {
  const told = { fallbacks: {} as Record<string, number>, blamed: {} as Record<string, number> };
  const pauses: number[] = [];
  const moves: Move[] = [];
  const count = (to: Record<string, number>, what: string): void => {
    to[what] = (to[what] ?? 0) + 1;
  };
  for (const line of lines) {
    if (!line.startsWith('{')) continue;
    const { message, msg, pauseMs, cause, code, target, uid, at } = JSON.parse(line);
    const said = String(message ?? msg);
    if (/^session (migrated|failed over)$/.test(said)) {
      pauses.push(pauseMs);
      moves.push({ user: uid, at });
    }
    if (said.startsWith('a session could not migrate or fail over')) count(told.fallbacks, cause);
    if (said.startsWith('a target fails')) count(told.blamed, `${target} ${code}`);
    if (/target is silent/.test(said)) count(told.blamed, `${target} ${cause}`);
  }
  pauses.sort((one, other) => one - other);
  const pauseOf = (share: number): number => pauses[Math.ceil(pauses.length * share) - 1] ?? 0;
  return { ...told, moves, moved: moves.length, pauseMs: pauseOf(1), p99Ms: pauseOf(0.99), p50Ms: pauseOf(0.5) };
}

const list = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([what, count]) => `${what} ${count}`)
    .join(', ') || '–';

/** Most of what clients and publishers noticed that is printed. */
const mostStories = 20;

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
    `${Math.round(moves.p99Ms)}, ${Math.round(moves.pauseMs)} ms`,
  ];
  const { CHAOS_REPORT: file } = process.env;
  const told = [...counts.examples, ...counts.stories.slice(0, mostStories)];
  const text = `| ${row.join(' | ')} |\n  delivered ${counts.delivered}, misordered ${counts.misordered}, new sessions ${counts.newSessions}, without a session ${counts.withoutSession}, acks ${counts.acks}, longest ${counts.longestMs} ms, median pause ${Math.round(moves.p50Ms)} ms, POSTs refused: ${list(counts.refused)}; fallbacks: ${list(moves.fallbacks)}; blamed: ${list(moves.blamed)}${told.map((one) => `\n  ${one}`).join('')}\n`;
  process.stdout.write(text);
  if (file) appendFileSync(file, text);
}
