import { maxSummaryBytes } from '@gopush/store';
import { fitRouter } from './fit-router.ts';
import type { RouterFacts } from './router-state.ts';
import { type HistorySummary, mostListed, type Summary } from './summary.ts';

/** Encodes a summary, with its history and, at agents, the router. */
type Write = (summary: Summary, history: HistorySummary, router?: RouterFacts) => Buffer;

/**
 * Encodes summaries, each as a line of JSON, a line of its history, and one of its router. The router is left out, then lists are cut, until they are
 * no longer than a store takes.
 *
 * @returns encodes one; a history or router that is the same object as the last time is not encoded again
 */
export function createSummaryWriter(): Write {
  const textOfHistory = encodeOnce(JSON.stringify as (history: HistorySummary) => string);
  const textOfRouter = encodeOnce(fitRouter);
  return (summary, history, router) => {
    let text = textOfHistory(history);
    let fitting = { ...summary, ...cutLists(summary, 1) };
    if (router !== undefined) {
      const payload = Buffer.from(`${JSON.stringify(fitting)}\n${text}\n${textOfRouter(router)}`);
      if (payload.length <= maxSummaryBytes) return payload;
    }
    for (let part = 1; ; part /= 2) {
      const payload = Buffer.from(`${JSON.stringify(fitting)}\n${text}`);
      if (payload.length <= maxSummaryBytes || part < 1 / mostListed.targets) return payload;
      fitting = { ...summary, ...cutLists(summary, part / 2) };
      const refusals = history.refusals.slice(0, (mostListed.refusals * part) / 2);
      text = JSON.stringify({ ...history, refusals });
    }
  };
}

/** Encodes an object, and the same one not again. */
function encodeOnce<T>(encode: (value: T) => string): (value: T) => string {
  let last: { readonly value: T; readonly text: string } | undefined;
  return (value) => {
    if (last?.value !== value) last = { value, text: encode(value) };
    return last.text;
  };
}

/** The beginning of each list: the longest entries come first. */
function cutLists({ targets, rooms, moves, actions, fallbacks, refusals }: Summary, part: number): Partial<Summary> {
  return {
    targets: targets.slice(0, mostListed.targets * part),
    rooms: rooms.slice(0, mostListed.rooms * part),
    moves: moves.slice(0, mostListed.moves * part),
    actions: actions.slice(0, mostListed.actions * part),
    fallbacks: fallbacks.slice(0, mostListed.causes * part),
    refusals: refusals.slice(0, mostListed.causes * part),
  };
}
