import type { ServerResponse } from 'node:http';
import { FairPlaces } from '@gopush/service';
import type { ClusterState } from '../view/cluster-state.ts';

/** Time between two states, in milliseconds. */
const everyMs = 1_000;

/** Most streams at a time. */
const mostStreams = 50;

/** How long a client may read nothing, in milliseconds; then its stream ends. */
const stuckMs = 60_000;

/** A client that listens. */
interface Stream {
  readonly response: ServerResponse;
  /** Since when it has not read what it was sent, as `performance.now()` tells; `undefined`: it has. */
  waitsSince: number | undefined;
}

/**
 * Sends the state of the cluster once a second to all clients that listen, as Server-Sent Events
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html). A client that reads slowly misses states; no more than one waits for it.
 */
export class LiveStreams {
  readonly #state: () => Promise<ClusterState>;
  readonly #streams = new FairPlaces<Stream>(mostStreams);
  #timer: NodeJS.Timeout | undefined;
  #isSending = false;
  #isClosed = false;

  /** @param state - asked for once a second while anyone listens */
  constructor(state: () => Promise<ClusterState>) {
    this.#state = state;
  }

  get size(): number {
    return this.#streams.size;
  }

  /**
   * Begins a stream. If there are too many, the caller with most streams loses its oldest.
   *
   * @param of - who listens @returns `false` if the caller itself has most
   */
  open(response: ServerResponse, of: string): boolean {
    const stream: Stream = { response, waitsSince: undefined };
    if (this.#isClosed || !this.#streams.enter(stream, of, cut)) return false;
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write('retry: 2000\n\n');
    response.on('drain', () => {
      stream.waitsSince = undefined;
    });
    response.on('error', ignore);
    response.on('close', () => {
      this.#streams.leave(stream);
      if (this.#streams.size === 0) this.#stop();
    });
    this.#timer ??= setInterval(() => void this.#send(), everyMs).unref();
    void this.#send();
    return true;
  }

  close(): void {
    this.#isClosed = true;
    this.#stop();
    for (const { response } of this.#streams.items()) response.end();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #send(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    const event = await this.#state().then(
      (state) => `event: state\ndata: ${JSON.stringify(state)}\n\n`,
      (error: Error) => `event: problem\ndata: ${JSON.stringify(error.message)}\n\n`,
    );
    this.#isSending = false;
    const now = performance.now();
    for (const stream of this.#streams.items()) {
      const { response, waitsSince } = stream;
      if (waitsSince === undefined) stream.waitsSince = response.write(event) ? undefined : now;
      else if (now - waitsSince > stuckMs) response.destroy();
    }
  }
}

/** Not ended: it may be one that reads nothing. */
function cut({ response }: Stream): void {
  response.destroy();
}

function ignore(): void {}
