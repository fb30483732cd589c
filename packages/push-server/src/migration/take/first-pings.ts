import type { EngineConnection } from '@gopush/slim-socket-io';

/** Interval between checks of which clients get a ping, in milliseconds. */
const stepMs = 50;

/** How many clients are sent a ping in one step while no session comes, so that their pongs do not come together. */
const atOnce = 100;

type Pinged = Pick<EngineConnection, 'readyState' | 'sendPacket'>;

/**
 * Sends clients that have come from another node their first ping. Engine.IO's own comes after a whole interval, as at the node before: a client that
 * migrates often would hear none and give up. It is sent while no other session comes, whose client waits, but in time.
 */
export class FirstPings {
  readonly #withinMs: number;
  /** With when each is to be sent at the latest, in milliseconds since 1970. The first one is due first. */
  readonly #waiting = new Map<Pinged, number>();
  #timer: NodeJS.Timeout | undefined = undefined;
  /** Whether a session has come since the last step. */
  #hasCome = false;

  /** @param withinMs - within how long after it has come a client is sent a ping, in milliseconds */
  constructor(withinMs: number) {
    this.#withinMs = withinMs;
  }

  /** A session has come on this connection. */
  add(conn: Pinged): void {
    this.#hasCome = true;
    this.#waiting.set(conn, Date.now() + this.#withinMs);
    this.#timer ??= setInterval(() => this.#step(), stepMs).unref();
  }

  /** Sends no more. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#waiting.clear();
  }

  #step(): void {
    const due = Date.now() + stepMs;
    let spare = this.#hasCome ? 0 : atOnce;
    this.#hasCome = false;
    for (const [conn, by] of this.#waiting) {
      if (by > due && spare-- <= 0) return;
      this.#waiting.delete(conn);
      if (conn.readyState === 'open') conn.sendPacket('ping');
    }
    this.close();
  }
}
