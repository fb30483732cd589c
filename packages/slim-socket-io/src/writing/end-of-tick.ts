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
  let at = 0;
  try {
    // Something that a flush adds comes to the end of the list, and is still part of this round.
    for (; at < waiting.length; at++) waiting[at]?.endTick();
  } finally {
    if (at === waiting.length) waiting.length = 0;
    else skip(at);
  }
}

/** One has thrown. If the process continues, those behind it have their turn, as all that come later. */
function skip(at: number): void {
  waiting.splice(0, at + 1);
  if (waiting.length > 0) process.nextTick(flushAll);
}
