import type { IncomingMessage } from 'node:http';
import { requestTrailers } from './headers.ts';
import type { BodySink } from './request-body.ts';
import { isChunked } from './request-framing.ts';
import type { UpstreamConnection } from './upstreams.ts';
import { writeHeaders } from './write-head.ts';

/**
 * Sends one request to a target. The chunks of a body that come in one read of its client become one: there may be thousands, and each would cost
 * the writes of a large one.
 */
export class RequestSending implements BodySink {
  /** Whether the connection has all of the request. */
  done = false;
  /** Whether no byte of the head has left this process. */
  unsent = false;
  readonly #request: IncomingMessage;
  readonly #connection: UpstreamConnection;
  readonly #isChunked: boolean;
  #waiting: Buffer[] = [];
  #isOver = false;

  constructor(request: IncomingMessage, connection: UpstreamConnection) {
    this.#request = request;
    this.#connection = connection;
    this.#isChunked = isChunked(request);
  }

  /** @param isKept - whether the connection has served before: it may have been reset without this process having heard of it */
  begin(head: string, isKept: boolean, hasBody: boolean): void {
    this.#connection.send(head, isKept ? this.#onHeadLost : undefined);
    this.done = !hasBody;
  }

  readonly #onHeadLost = (): void => {
    this.unsent = true;
  };

  onBody(chunk: Buffer): void {
    if (this.#isOver) return;
    if (!this.#isChunked) {
      this.#write(chunk);
      return;
    }
    if (this.#waiting.length === 0) process.nextTick(flush, this);
    this.#waiting.push(chunk);
  }

  onBodyEnd(): void {
    this.done = true;
    if (!this.#isChunked || this.#isOver) return;
    this.flush();
    try {
      this.#write(`0\r\n${writeHeaders(requestTrailers(this.#request))}\r\n`);
    } catch (error) {
      this.#connection.onFault(error);
    }
  }

  /** Sends what came since the last time, as one chunk. */
  flush(): void {
    const chunks = this.#waiting;
    if (chunks.length === 0) return;
    this.#waiting = [];
    let length = 0;
    for (const chunk of chunks) length += chunk.length;
    this.#write(Buffer.concat([Buffer.from(`${length.toString(16)}\r\n`, 'latin1'), ...chunks, endOfLine]));
  }

  /** Nothing more of it is wanted. */
  stop(): void {
    this.#isOver = true;
    this.#waiting = [];
  }

  #write(data: string | Buffer): void {
    this.#connection.send(data);
    if (this.#connection.socket.writableNeedDrain) this.#request.pause();
  }
}

function flush(sending: RequestSending): void {
  sending.flush();
}

const endOfLine = Buffer.from('\r\n');
