import type { Handed } from './handed-client.ts';

/**
 * Connections whose target lives and has not been heard for some seconds, as one that is stopped or blocked. Nobody else can serve them as long as it may
 * go on. If it does, it keeps them; after some time their clients are better served by another target.
 */
export class SilentTargets {
  readonly #waitMs: number;
  readonly #onLost: (handed: Handed) => void;
  readonly #waiting = new Map<
    number,
    { readonly connections: Set<Handed>; readonly timer: NodeJS.Timeout | undefined }
  >();

  /**
   * @param waitMs - how long they may stay silent; 0: no limit
   * @param onLost - called for each connection when that is over
   */
  constructor(waitMs: number, onLost: (handed: Handed) => void) {
    this.#waitMs = waitMs;
    this.#onLost = onLost;
  }

  add(handed: Handed): void {
    const { port } = handed;
    let waiting = this.#waiting.get(port);
    if (waiting === undefined) {
      const lost = (): void => this.#give(port, this.#onLost);
      const timer = this.#waitMs === 0 ? undefined : setTimeout(lost, this.#waitMs);
      waiting = { connections: new Set(), timer };
      this.#waiting.set(port, waiting);
    }
    waiting.connections.add(handed);
  }

  /** A target of this port is heard: it gives duplicates of all that it serves. */
  heard(port: number, onBack: (handed: Handed) => void): void {
    this.#give(port, onBack);
  }

  close(): void {
    for (const { timer } of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
  }

  #give(port: number, to: (handed: Handed) => void): void {
    const waiting = this.#waiting.get(port);
    if (waiting === undefined) return;
    this.#waiting.delete(port);
    clearTimeout(waiting.timer);
    for (const handed of waiting.connections) to(handed);
  }
}
