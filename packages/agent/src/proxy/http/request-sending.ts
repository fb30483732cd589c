import type { IncomingMessage } from 'node:http';
import { awaitsContinue, sendContinue } from '@gopush/service';
import { requestTrailers } from '../../headers/trailers.ts';
import { isChunked } from '../../request/request-framing.ts';
import { type ResponseHead, staysOpenMs } from '../../wire/response-head.ts';
import { writeHeaders } from '../../wire/write-head.ts';
import type { BodySink, RequestBody } from './request-body.ts';
import type { TargetConnection } from './target-connections.ts';

/** After how long a client need not wait any more for its target to ask for the body, in milliseconds: not all targets do. */
const continueMs = 1_000;

/**
 * Sends one request to a target. The chunks of a body that come in one turn of the event loop become one: there may be thousands, and each would
 * cost the writes of a large one.
 */
export class RequestSending implements BodySink {
  /** Whether the connection has all of the request. */
  done = false;
  /** Whether no byte of the head has left this process. */
  unsent = false;
  readonly #request: IncomingMessage;
  readonly #connection: TargetConnection;
  readonly #isChunked: boolean;
  #waiting: Buffer[] = [];
  #isOver = false;
  /** The body of a client that keeps it back until the target asks for it. */
  #keptBack: RequestBody | undefined;
  #asking: NodeJS.Timeout | undefined;

  constructor(request: IncomingMessage, connection: TargetConnection) {
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

  /** Sends the body as it comes; where the client keeps it back, when the target has asked for it. */
  sendBody(body: RequestBody): void {
    if (!awaitsContinue(this.#request)) {
      body.sendTo(this);
      return;
    }
    this.#keptBack = body;
    this.#asking = setTimeout(() => this.onContinue(), continueMs);
  }

  /** The target asks for the body. */
  onContinue(): void {
    const body = this.#keptBack;
    this.#keptBack = undefined;
    clearTimeout(this.#asking);
    if (body === undefined) return;
    sendContinue(this.#request);
    body.sendTo(this);
  }

  /** Whether no other request can follow on the client's connection: nobody reads the rest of the body, or the client may not send it. */
  endsWith(head: ResponseHead): boolean {
    return !this.done && (staysOpenMs(head) === 0 || this.#keptBack !== undefined);
  }

  onBody(chunk: Buffer): void {
    if (this.#isOver) return;
    if (!this.#isChunked) {
      this.#write(chunk);
      return;
    }
    if (this.#waiting.length === 0) setImmediate(flush, this);
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
    this.#keptBack = undefined;
    clearTimeout(this.#asking);
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
