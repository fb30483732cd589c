import { appendFileSync } from 'node:fs';
import type { Move } from './owners.ts';
import type { Counts } from './traffic.ts';

/** How many sessions moved, and how long their clients waited, in milliseconds: half of them, 99 of 100, and the longest. */
interface Pauses {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly longestMs: number;
}

/** What agents say in their logs about sessions that move, and whom they blame. */
export interface Moves {
  readonly moved: number;
  /** Each of them. */
  readonly moves: readonly Move[];
  readonly migrated: Pauses;
  readonly failedOver: Pauses;
  readonly fallbacks: Readonly<Record<string, number>>;
  readonly blamed: Readonly<Record<string, number>>;
}

/** Reads lines of agents' logs. */
export function readMoves(lines: readonly string[]): Moves {
  const told = { fallbacks: {} as Record<string, number>, blamed: {} as Record<string, number> };
  const pauses = { migrated: [] as number[], 'failed over': [] as number[] };
  const moves: Move[] = [];
  const count = (to: Record<string, number>, what: string): void => {
    to[what] = (to[what] ?? 0) + 1;
  };
  for (const line of lines) {
    if (!line.startsWith('{')) continue;
    const { message, msg, pauseMs, cause, code, target, uid, at } = JSON.parse(line);
    const said = String(message ?? msg);
    const how = /^session (migrated|failed over)$/.exec(said)?.[1] as keyof typeof pauses | undefined;
    if (how !== undefined) {
      pauses[how].push(pauseMs);
      moves.push({ user: uid, at });
    }
    if (said.startsWith('a session could not migrate or fail over')) count(told.fallbacks, cause);
    if (said.startsWith('a target fails')) count(told.blamed, `${target} ${code}`);
    if (/target is silent/.test(said)) count(told.blamed, `${target} ${cause}`);
  }
  const { migrated, 'failed over': failedOver } = pauses;
  return { ...told, moves, moved: moves.length, migrated: summarize(migrated), failedOver: summarize(failedOver) };
}

function summarize(pauses: readonly number[]): Pauses {
  const sorted = [...pauses].sort((one, other) => one - other);
  const pauseOf = (share: number): number => Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0);
  return { count: sorted.length, p50Ms: pauseOf(0.5), p99Ms: pauseOf(0.99), longestMs: pauseOf(1) };
}

const list = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([what, count]) => `${what} ${count}`)
    .join(', ') || '–';

const listPauses = ({ count, p50Ms, p99Ms, longestMs }: Pauses): string =>
  `${count}, pauses ${p50Ms}, ${p99Ms}, ${longestMs} ms`;

/** Most of what clients and publishers noticed that is printed. */
const mostStories = 20;

/** Prints a row of the table in docs/performance.md, and what to look into; `CHAOS_REPORT` names a file that gets both. */
export function report(what: string, where: string, counts: Counts, moves: Moves): void {
  // A crash takes longest, and other sessions migrate in between.
  const { p99Ms, longestMs } = moves.failedOver.count > 0 ? moves.failedOver : moves.migrated;
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
    `${p99Ms}, ${longestMs} ms`,
  ];
  const { CHAOS_REPORT: file } = process.env;
  const told = [...counts.examples, ...counts.stories.slice(0, mostStories)];
  const text = `| ${row.join(' | ')} |\n  delivered ${counts.delivered}, misordered ${counts.misordered}, new sessions ${counts.newSessions}, without a session ${counts.withoutSession}, acks ${counts.acks}, longest ${counts.longestMs} ms, migrated ${listPauses(moves.migrated)}; failed over ${listPauses(moves.failedOver)}; POSTs refused: ${list(counts.refused)}; fallbacks: ${list(moves.fallbacks)}; blamed: ${list(moves.blamed)}${told.map((one) => `\n  ${one}`).join('')}\n`;
  process.stdout.write(text);
  if (file) appendFileSync(file, text);
}
