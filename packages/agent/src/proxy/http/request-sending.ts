import type { IncomingMessage } from 'node:http';
import { awaitsContinue, sendContinue } from '@gopush/service';
import { requestTrailers } from '../../headers/trailers.ts';
import { isChunked } from '../../request/request-framing.ts';
import { type ResponseHead, staysOpenMs } from '../../wire/response-head.ts';
import { writeHeaders } from '../../wire/write-head.ts';
import type { BodySink, RequestBody } from './request-body.ts';
import type { TargetConnection } from './target-connections.ts';

/** After how long a client that waits for a 100 gets one from the agent, in milliseconds: not all targets send one. */
const continueMs = 1_000;

/**
 * Sends one request to a target. The chunks of a body that arrive in one turn of the event loop become one chunk: there may be thousands, and each
 * would take as many writes as a large one.
 */
export class RequestSending implements BodySink {
  /** Whether the whole request has been written to the connection. */
  done = false;
  /** Whether no byte of the head has left this process. */
  unsent = false;
  readonly #request: IncomingMessage;
  readonly #connection: TargetConnection;
  readonly #isChunked: boolean;
  #waiting: Buffer[] = [];
  #isOver = false;
  /** The body of a client that waits for a 100 before it sends. */
  #keptBack: RequestBody | undefined;
  #asking: NodeJS.Timeout | undefined;

  constructor(request: IncomingMessage, connection: TargetConnection) {
    this.#request = request;
    this.#connection = connection;
    this.#isChunked = isChunked(request);
  }

  /** @param isKept - whether the connection has served before: it may have been reset without this process knowing yet */
  begin(head: string, isKept: boolean, hasBody: boolean): void {
    this.#connection.send(head, isKept ? this.#onHeadLost : undefined);
    this.done = !hasBody;
  }

  readonly #onHeadLost = (): void => {
    this.unsent = true;
  };

  /** Sends the body as it arrives; if the client waits for a 100, once the target has sent one. */
  sendBody(body: RequestBody): void {
    if (!awaitsContinue(this.#request)) {
      body.sendTo(this);
      return;
    }
    this.#keptBack = body;
    this.#asking = setTimeout(() => this.onContinue(), continueMs);
  }

  /** The target has sent a 100. */
  onContinue(): void {
    const body = this.#keptBack;
    this.#keptBack = undefined;
    clearTimeout(this.#asking);
    if (body === undefined) return;
    sendContinue(this.#request);
    body.sendTo(this);
  }

  /** Whether no other request can follow on the client's connection: the rest of the body is not read, or the client may not send it. */
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

  /** Sends the bytes that arrived since the last time, as one chunk. */
  flush(): void {
    const chunks = this.#waiting;
    if (chunks.length === 0) return;
    this.#waiting = [];
    let length = 0;
    for (const chunk of chunks) length += chunk.length;
    this.#write(Buffer.concat([Buffer.from(`${length.toString(16)}\r\n`, 'latin1'), ...chunks, endOfLine]));
  }

  /** Nothing more is sent. */
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
