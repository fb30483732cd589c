import type { EndingCause } from '@gopush/contract';
import type { Tunnel } from './tunnel.ts';

/** Between two steps of closing, in milliseconds. */
const stepMs = 50;

/** Closes tunnels one after the other, each after a random wait, so that their clients do not all reconnect at the same time. */
export class CloseQueue {
  /** The distance between two tunnels, in milliseconds. */
  readonly #distanceMs: number;
  readonly #timers = new Set<NodeJS.Timeout>();
  #nextAt = 0;

  constructor(perSecond: number) {
    this.#distanceMs = 1_000 / perSecond;
  }

  /** Closes a tunnel with 1012 when its turn comes. */
  add(tunnel: Tunnel, cause: EndingCause): void {
    const now = performance.now();
    this.#nextAt = Math.max(now, this.#nextAt) + this.#distanceMs;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        closeForRestart(tunnel, cause);
      },
      this.#nextAt - now + Math.random() * 2 * this.#distanceMs,
    );
    this.#timers.add(timer);
  }

  /** Closes no more tunnels. */
  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

/**
 * Closes tunnels in random order, those too that are opened meanwhile.
 *
 * @returns stops closing
 */
export function closeInRandomOrder(tunnels: Iterable<Tunnel>, perSecond: number): () => void {
  const perStep = Math.ceil((perSecond * stepMs) / 1_000);
  let waiting: Tunnel[] = [];
  const step = (): void => {
    // Handshakes that were under way have become tunnels meanwhile.
    if (waiting.length === 0) waiting = shuffle([...tunnels].filter(({ isOver }) => !isOver));
    for (const tunnel of waiting.splice(-perStep)) closeForRestart(tunnel, 'drained');
  };
  step();
  const timer = setInterval(step, stepMs);
  return () => clearInterval(timer);
}

function closeForRestart(tunnel: Tunnel, cause: EndingCause): void {
  tunnel.contain(() => tunnel.close(1012, cause, performance.now()));
}

/** Fisher and Yates. */
function shuffle<T>(list: T[]): T[] {
  for (let index = list.length - 1; index > 0; index--) {
    const other = Math.floor(Math.random() * (index + 1));
    [list[index], list[other]] = [list[other] as T, list[index] as T];
  }
  return list;
}
