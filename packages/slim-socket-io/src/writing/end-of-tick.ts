/** Holds something back until the tick ends. */
export interface Waiting {
  endTick(): void;
}

const waiting: Waiting[] = [];

/**
 * Has something flushed at the end of the tick: after the callback that runs now and the promises it has resolved. Messages that arrive
 * together are handled in `nextTick` callbacks that were queued before this one, so the responses to them leave together, too.
 */
export function atEndOfTick(one: Waiting): void {
  if (waiting.push(one) === 1) process.nextTick(flushAll);
}

function flushAll(): void {
  // Something that a flush adds comes to the end of the list, and is still part of this round.
  for (let at = 0; at < waiting.length; at++) waiting[at]?.endTick();
  waiting.length = 0;
}
