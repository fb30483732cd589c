import type { IncomingMessage, ServerResponse } from 'node:http';
import { failed, type Result, success, type Target } from '@gopush/contract';
import { type AnswerBody, createAnswerBody } from './answer-body.ts';
import { type AnswerHead, framingOf, parseAnswerHead, staysOpen } from './answer-head.ts';
import { connectFailure } from './connect-failure.ts';
import { saysFull } from './full-answer.ts';
import { requestTrailers, responseHeaders } from './headers.ts';
import type { Exchange, UpstreamConnection, Upstreams } from './upstreams.ts';
import { writeHead, writeRequestHead } from './write-head.ts';

/** What forwarding needs besides request and response. */
export interface ForwardOptions {
  readonly target: Target;
  /** Path and query for the target. */
  readonly path: string;
  /** Headers for the target, as names and values in turn. */
  readonly headers: readonly string[];
  /** Headers of ours for the client, beside the target's. */
  readonly answerHeaders: readonly string[];
  readonly upstreams: Upstreams;
  /** How long nothing may move before the answer begins, in milliseconds. */
  readonly answerTimeoutMs: number;
}

/** Methods that may be sent twice (RFC 9110 section 9.2.2). */
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);

/**
 * Streams a request to its target and the answer back. Resolves when the answer is complete or either side went away;
 * a failure is one that happened before any of the answer was sent.
 */
export async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  options: ForwardOptions,
): Promise<Result<void>> {
  const first = await attempt(request, response, options, false);
  if (first !== 'reset') return first;
  // A target may close an idle connection in the moment we use it. It has served nothing then, and asking again is safe; on a new
  // connection, as the other idle ones may be as old.
  const mayRepeat = !hasBody(request) && idempotent.has(request.method ?? '');
  const second = mayRepeat ? await attempt(request, response, options, true) : first;
  return second === 'reset' ? failed('target_reset', options.target.name) : second;
}

function attempt(
  request: IncomingMessage,
  response: ServerResponse,
  options: ForwardOptions,
  fresh: boolean,
): Promise<Result<void> | 'reset'> {
  return new Promise((resolve) => {
    new Forwarding(request, response, options, fresh, resolve).start();
  });
}

/** Whether a request has a body, which can be sent only once. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * Whether the length of a request's body can be understood in one way only. Node takes codings besides `chunked` off unseen, and
 * one that only looks like it for no framing at all.
 */
export function isFramingSound({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] === undefined || headers['transfer-encoding'].trim().toLowerCase() === 'chunked';
}

/** How much of a body goes out with its head as one text, in bytes; Node writes 16 KB of text without a buffer of its own. */
const maxWithHead = 8 * 1024;

/** One attempt to have a request answered by its target. */
class Forwarding implements Exchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #options: ForwardOptions;
  readonly #connection: UpstreamConnection;
  readonly #resolve: (result: Result<void> | 'reset') => void;
  /** The beginning of a head that was cut. */
  #partial: Buffer | undefined;
  #head: AnswerHead | undefined;
  #body: AnswerBody | undefined;
  #requestSent = false;
  /** Whether any of the body was relayed. */
  #begun = false;
  #over = false;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    options: ForwardOptions,
    fresh: boolean,
    resolve: (result: Result<void> | 'reset') => void,
  ) {
    this.#request = request;
    this.#response = response;
    this.#options = options;
    this.#resolve = resolve;
    this.#connection = options.upstreams.begin(options.target, this, options.answerTimeoutMs, fresh);
  }

  start(): void {
    const request = this.#request;
    const { path, headers } = this.#options;
    const { socket } = this.#connection;
    const chunked = request.headers['transfer-encoding'] !== undefined;
    const all = chunked ? [...headers, 'transfer-encoding', 'chunked'] : headers;
    this.#response.once('close', this.#onClientGone);
    socket.write(writeRequestHead(request.method ?? 'GET', path, all), 'latin1');
    if (!hasBody(request)) this.#requestSent = true;
    // Not before: while the connection can fail, the body must stay whole for the next target.
    else if (this.#connection.connected) this.#sendBody();
  }

  onConnect(): void {
    if (hasBody(this.#request)) this.#sendBody();
  }

  #sendBody(): void {
    const request = this.#request;
    const { socket } = this.#connection;
    const chunked = request.headers['transfer-encoding'] !== undefined;
    request.on('data', (chunk: Buffer) => {
      if (this.#over) return;
      if (chunked) {
        socket.cork();
        socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
        socket.write(chunk);
        socket.write('\r\n', 'latin1');
        process.nextTick(uncork, socket);
      } else socket.write(chunk);
      if (socket.writableNeedDrain) request.pause();
    });
    request.once('end', () => {
      this.#requestSent = true;
      if (chunked && !this.#over)
        socket.write(`0\r\n${writeTrailers(requestTrailers(request.rawTrailers))}\r\n`, 'latin1');
    });
  }

  onDrain(): void {
    if (!this.#requestSent) this.#request.resume();
  }

  onIdle(): void {
    // Once the answer has begun it may take as long as it likes: server-sent events, long polls.
    if (this.#head !== undefined) return;
    const { name } = this.#options.target;
    // The target waits for the client, not the client for the target.
    const waits = !this.#requestSent && !this.#connection.socket.writableNeedDrain;
    this.#fail(waits ? failed('request_timeout', `the body for ${name} stands still`) : failed('target_silent', name));
  }

  onGone(error: NodeJS.ErrnoException | undefined): void {
    if (this.#over) return;
    const { target } = this.#options;
    if (this.#body?.endsWithConnection && error === undefined) {
      this.#finish();
    } else if (this.#head !== undefined) {
      // Cut, so that half an answer is not taken for a whole one.
      this.#response.destroy();
      this.#end(success(undefined));
    } else if (!this.#connection.connected) {
      this.#end(connectFailure(target, error));
    } else if (this.#partial === undefined) {
      this.#end('reset');
    } else {
      this.#end(failed('target_bad_answer', `${target.name} closed the connection within the head of its answer`));
    }
  }

  onChunk(chunk: Buffer, length: number): boolean {
    let bytes = chunk.subarray(0, length);
    while (this.#head === undefined) {
      if (this.#partial !== undefined) {
        bytes = Buffer.concat([this.#partial, bytes]);
        this.#partial = undefined;
      }
      const head = parseAnswerHead(bytes);
      if (head === undefined) {
        this.#partial = Buffer.from(bytes);
        return true;
      }
      if (typeof head === 'string' || head.status === 101) {
        return this.#fail(
          failed(
            'target_bad_answer',
            `${this.#options.target.name}: ${typeof head === 'string' ? head : '101 without an upgrade'}`,
          ),
        );
      }
      bytes = bytes.subarray(head.size);
      if (head.status >= 200) {
        const failure = this.#begin(head);
        if (failure !== undefined) return this.#fail(failure);
      } else {
        this.#inform(head);
        if (bytes.length === 0) return true;
      }
    }
    return this.#relay(bytes);
  }

  /** Early hints and the like go on as they came; 100 was answered by ourselves. */
  #inform({ status, reason, headers }: AnswerHead): void {
    if (status === 100 || this.#request.httpVersionMinor === 0) return;
    this.#response.socket?.write(writeHead(status, reason, responseHeaders(headers)), 'latin1');
  }

  #begin(head: AnswerHead): Result<never> | undefined {
    const { name } = this.#options.target;
    if (saysFull(head) && !hasBody(this.#request)) return failed('target_full', name);
    const framing = framingOf(head, this.#request.method ?? 'GET');
    if (typeof framing === 'string') return failed('target_bad_answer', `${name}: ${framing}`);
    this.#head = head;
    this.#body = createAnswerBody(framing);
    const headers = responseHeaders(head.headers);
    headers.push(...this.#options.answerHeaders);
    this.#response.writeHead(head.status, head.reason, headers);
    return undefined;
  }

  #relay(bytes: Buffer): boolean {
    const body = this.#body as AnswerBody;
    const response = this.#response;
    // What came with the head, if it is short, goes out with it as one text: one write instead of gathering two.
    let first = !this.#begun && bytes.length <= maxWithHead ? '' : undefined;
    this.#begun = true;
    let more = true;
    const consumed = body.read(bytes, (content) => {
      if (first !== undefined) first += content.toString('latin1');
      // A copy: the response may wait for the client, the buffer does not.
      else more = response.write(Buffer.from(content)) && more;
    });
    if (body.fault !== undefined) {
      response.destroy();
      this.#connection.discard();
      this.#end(success(undefined));
      return false;
    }
    if (body.done) {
      this.#finish(consumed === bytes.length, first);
      return true;
    }
    if (first) more = response.write(first, 'latin1');
    // Server-sent events and the like: the client waits for the headers, not for the first byte.
    if (bytes.length === 0) response.flushHeaders();
    if (!more) response.once('drain', () => this.#connection.socket.resume());
    return more;
  }

  /** The answer is whole, with this as its last bytes. */
  #finish(nothingLeft = false, last = ''): void {
    const trailers = this.#body?.trailers ?? [];
    if (trailers.length > 0) this.#response.addTrailers(pairs(trailers));
    if (last === '') this.#response.end();
    else this.#response.end(last, 'latin1');
    // An answer may come before its request is whole; the rest is taken to no use, or the client would hang in sending it.
    if (!this.#requestSent) this.#request.resume();
    if (nothingLeft && this.#requestSent && this.#head !== undefined && staysOpen(this.#head))
      this.#connection.release();
    else this.#connection.discard();
    this.#end(success(undefined));
  }

  #fail(failure: Result<never>): false {
    this.#connection.discard();
    this.#end(failure);
    return false;
  }

  readonly #onClientGone = (): void => {
    if (this.#over) return;
    this.#connection.discard();
    this.#end(failed('client_gone', this.#options.target.name));
  };

  #end(result: Result<void> | 'reset'): void {
    if (this.#over) return;
    this.#over = true;
    this.#response.off('close', this.#onClientGone);
    this.#resolve(result);
  }
}

function uncork(socket: { uncork(): void }): void {
  socket.uncork();
}

function writeTrailers(raw: readonly string[]): string {
  return pairs(raw)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}

function pairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length >> 1 }, (_, index) => [
    raw[index * 2] as string,
    raw[index * 2 + 1] as string,
  ]);
}
