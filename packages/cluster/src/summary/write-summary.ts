import { maxSummaryBytes } from '@gopush/store';
import { mostListed, type Summary } from './summary.ts';

/** Encodes a summary. Its lists are cut until it is no longer than a store takes. */
export function writeSummary(summary: Summary): Buffer {
  let fitting = { ...summary, ...cutLists(summary, 1) };
  for (let part = 1; ; part /= 2) {
    const payload = Buffer.from(JSON.stringify(fitting));
    if (payload.length <= maxSummaryBytes || part < 1 / mostListed.targets) return payload;
    fitting = { ...summary, ...cutLists(summary, part / 2) };
  }
}

/** The beginning of each list: the longest entries come first. */
function cutLists(
  { targets, rooms, moves, actions, fallbacks, refusals, history }: Summary,
  part: number,
): Partial<Summary> {
  return {
    targets: targets.slice(0, mostListed.targets * part),
    rooms: rooms.slice(0, mostListed.rooms * part),
    moves: moves.slice(0, mostListed.moves * part),
    actions: actions.slice(0, mostListed.actions * part),
    fallbacks: fallbacks.slice(0, mostListed.causes * part),
    refusals: refusals.slice(0, mostListed.causes * part),
    history: { ...history, refusals: history.refusals.slice(0, mostListed.refusals * part) },
  };
}
