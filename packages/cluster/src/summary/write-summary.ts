import { maxSummaryBytes } from '@gopush/store';
import { type HistorySummary, mostListed, type Summary } from './summary.ts';

/**
 * Encodes summaries, each as a line of JSON and a line of its history. Their lists are cut until they are no longer than a store takes.
 *
 * @returns encodes one; a history that is the same object as the last time is not encoded again
 */
export function createSummaryWriter(): (summary: Summary, history: HistorySummary) => Buffer {
  let last: { readonly history: HistorySummary; readonly text: string } | undefined;
  return (summary, history) => {
    if (last?.history !== history) last = { history, text: JSON.stringify(history) };
    let { text } = last;
    let fitting = { ...summary, ...cutLists(summary, 1) };
    for (let part = 1; ; part /= 2) {
      const payload = Buffer.from(`${JSON.stringify(fitting)}\n${text}`);
      if (payload.length <= maxSummaryBytes || part < 1 / mostListed.targets) return payload;
      fitting = { ...summary, ...cutLists(summary, part / 2) };
      const refusals = history.refusals.slice(0, (mostListed.refusals * part) / 2);
      text = JSON.stringify({ ...history, refusals });
    }
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
