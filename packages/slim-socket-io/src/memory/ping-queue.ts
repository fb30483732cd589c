import type { EngineConnection } from '../internals/private-names.ts';

/** The next ping of one client. A timer of Node, with the function that Engine.IO gives it, takes 200 bytes more. */
class NextPing {
  readonly connection: EngineConnection;
  readonly #queue: PingQueue;
  /** In milliseconds, as `performance.now()`; `undefined`: it is not in the queue, as the client has been pinged. */
  dueAt: number | undefined = undefined;
  before: NextPing | undefined = undefined;
  after: NextPing | undefined = undefined;

  constructor(connection: EngineConnection, queue: PingQueue) {
    this.connection = connection;
    this.#queue = queue;
  }

  /** Engine.IO calls this as it would that of the timer: with each pong. */
  refresh(): void {
    this.#queue.remove(this);
    this.#queue.add(this);
  }

  end(): void {
    this.#queue.remove(this);
  }
}

/** The clients of a server that are to be pinged, with one timer for all. They all wait equally long, so the first one to come is the first due. */
export class PingQueue {
  readonly #intervalMs: number;
  #first: NextPing | undefined = undefined;
  #last: NextPing | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;

  /** @param intervalMs - from a pong, or the beginning of a connection, to the next ping */
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Takes the place of the timer that Engine.IO has set for the next ping of a new connection. */
  take(connection: EngineConnection): void {
    // Clients of protocol 3 ping the server.
    if (connection.pingIntervalTimer === null) return;
    clearTimeout(connection.pingIntervalTimer as NodeJS.Timeout);
    const ping = new NextPing(connection, this);
    connection.pingIntervalTimer = ping;
    connection.on('close', endPing);
    this.add(ping);
  }

  add(ping: NextPing): void {
    ping.dueAt = Math.ceil(performance.now()) + this.#intervalMs;
    ping.before = this.#last;
    if (this.#last === undefined) this.#first = ping;
    else this.#last.after = ping;
    this.#last = ping;
    this.#timer ??= setTimeout(this.#ring, this.#intervalMs);
  }

  remove(ping: NextPing): void {
    if (ping.dueAt === undefined) return;
    ping.dueAt = undefined;
    const { before, after } = ping;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    ping.before = undefined;
    ping.after = undefined;
    if (this.#first !== undefined) return;
    // It would keep the process alive.
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  readonly #ring = (): void => {
    this.#timer = undefined;
    try {
      const now = performance.now();
      for (let ping = this.#first; isDue(ping, now); ping = this.#first) {
        this.remove(ping);
        sendPing(ping.connection);
      }
    } finally {
      // Others are pinged even if a listener of the program has thrown.
      const dueAt = this.#first?.dueAt;
      if (dueAt !== undefined) this.#timer ??= setTimeout(this.#ring, dueAt - performance.now());
    }
  };
}

function isDue(ping: NextPing | undefined, now: number): ping is NextPing {
  return ping?.dueAt !== undefined && ping.dueAt <= now;
}

/** What Engine.IO does when its timer has run down. */
function sendPing(connection: EngineConnection): void {
  connection.hasRefreshedPingTimeout = false;
  connection.sendPacket('ping');
  connection.resetPingTimeout();
}

/** The same function for all connections. */
function endPing(this: EngineConnection): void {
  if (this.pingIntervalTimer instanceof NextPing) this.pingIntervalTimer.end();
}
