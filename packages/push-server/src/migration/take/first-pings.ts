import type { EngineConnection } from '@gopush/slim-socket-io';

/** Interval between checks of which clients get a ping, in milliseconds. */
const stepMs = 50;

/**
 * In how many checks in a row no session may have come, so that none is taken to come any more. Agents bring them in bursts, with pauses of up to
 * 200 ms on a busy machine; steps are counted and not time, since a process that gets no CPU sees neither.
 */
const quietSteps = 5;

/** How many clients are sent a ping in one step while no session comes, so that their pongs do not come together. */
const atOnce = 100;

/** A connection whose client is sent a ping. */
type Pinged = EngineConnection;

/**
 * Sends clients that have come from another node their first ping. Engine.IO's own comes after a whole interval, as at the node before: a client that
 * migrates often would hear none and give up. It is sent while no other session comes, whose client waits, but in time.
 */
export class FirstPings {
  readonly #withinMs: number;
  readonly #onPing: (conn: Pinged) => void;
  /** With when each is to be sent at the latest, in time of `performance.now()`. The first one is due first. */
  readonly #waiting = new Map<Pinged, number>();
  #timer: NodeJS.Timeout | undefined = undefined;
  /** How many steps there have been since a session came. */
  #quiet = 0;

  /**
   * @param withinMs - within how long after it has come a client is sent a ping, in milliseconds
   * @param onPing - called before a client is sent its ping
   */
  constructor(withinMs: number, onPing: (conn: Pinged) => void) {
    this.#withinMs = withinMs;
    this.#onPing = onPing;
  }

  /** A session has come on this connection. */
  add(conn: Pinged): void {
    this.#quiet = 0;
    this.#waiting.set(conn, performance.now() + this.#withinMs);
    this.#timer ??= setInterval(() => this.#step(), stepMs).unref();
  }

  /** Sends no more. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#waiting.clear();
  }

  #step(): void {
    const due = performance.now() + stepMs;
    let spare = ++this.#quiet > quietSteps ? atOnce : 0;
    for (const [conn, by] of this.#waiting) {
      if (by > due && spare-- <= 0) return;
      this.#waiting.delete(conn);
      if (conn.readyState !== 'open') continue;
      this.#onPing(conn);
      conn.sendPacket('ping');
    }
    this.close();
  }
}
