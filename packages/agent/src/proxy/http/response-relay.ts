import type { ServerResponse } from 'node:http';
import { failed, type Result } from '@gopush/contract';
import { responseHeaders } from '../../headers/response-headers.ts';
import { responseTrailers } from '../../headers/trailers.ts';
import { wasPassedOn } from '../../hooks/app-messages.ts';
import { createResponseBody, type ResponseBody } from '../../wire/response-body.ts';
import type { BodyFraming, ResponseHead } from '../../wire/response-head.ts';
import { writeMergedHead } from './merge-headers.ts';

/** How much of a body goes out with its head as one text, in bytes; Node writes 16 KB of text without a buffer of its own. */
const maxWithHead = 8 * 1024;

const noBytes = Buffer.alloc(0);

/**
 * The state of a relay after some bytes: `open`: more may come; `full`: more has to wait until the client takes it;
 * `done`: the response is complete, and
 * these were the last bytes; `beyond`: it is complete, and more bytes came; `fault`: the body is malformed.
 */
type RelayState = 'open' | 'full' | 'done' | 'beyond' | 'fault';

/** A target's response on its way to the client. */
export class ResponseRelay {
  readonly head: ResponseHead;
  readonly body: ResponseBody;
  readonly #response: ServerResponse;
  /** Whether trailers of the target are forwarded. */
  readonly #trails: boolean;
  /** Whether any of the body was relayed. */
  #begun = false;

  /** @param takesTrailers - whether the client can be sent trailers */
  constructor(head: ResponseHead, framing: BodyFraming, response: ServerResponse, takesTrailers: boolean) {
    this.head = head;
    this.body = createResponseBody(framing);
    this.#response = response;
    this.#trails = takesTrailers && framing.kind === 'chunked';
  }

  /**
   * Writes the head.
   *
   * @param ownHeaders - headers of ours, besides the target's
   * @returns why a middleware of the agent hook prevented it; `undefined`: it is written
   */
  writeHead(ownHeaders: readonly string[]): Result<never> | undefined {
    const response = this.#response;
    const { status, reason } = this.head;
    const headers = responseHeaders(this.head, this.#trails);
    headers.push(...ownHeaders);
    if (status === 426) headers.push('connection', response.shouldKeepAlive ? 'Upgrade' : 'Upgrade, close');
    try {
      writeMergedHead(response, status, reason, headers);
      return undefined;
    } catch (error) {
      if (!wasPassedOn(response)) throw error;
      return failed(
        'uid_hook_threw',
        'a middleware of the agent hook threw while the head of the response was written',
        error,
      );
    }
  }

  /** Relays some bytes of the target's connection, which need to be valid only now. */
  take(bytes: Buffer): RelayState {
    const { body } = this;
    const response = this.#response;
    // A short body that came with the head goes out with it as one text: one write instead of two.
    let first = !this.#begun && bytes.length <= maxWithHead ? '' : undefined;
    this.#begun = true;
    let more = true;
    // A copy, because the response may wait for the client. One for all chunks of these bytes, of which there may be thousands.
    const copy = first === undefined ? Buffer.allocUnsafe(bytes.length) : noBytes;
    let copied = 0;
    const consumed = body.read(bytes, (content) => {
      if (first !== undefined) first += content.toString('latin1');
      else copied += content.copy(copy, copied);
    });
    if (copied > 0) more = response.write(copy.subarray(0, copied));
    if (body.fault !== undefined) return 'fault';
    if (body.done) {
      this.end(first);
      return consumed === bytes.length ? 'done' : 'beyond';
    }
    if (first) more = response.write(first, 'latin1');
    // Server-sent events and the like: the client waits for the headers, not for the first byte.
    if (bytes.length === 0) response.flushHeaders();
    // A middleware that compresses keeps short content until there is more.
    else if (wasPassedOn(response)) (response as ServerResponse & { flush?(): void }).flush?.();
    return more ? 'open' : 'full';
  }

  /** The response is complete. @param last - the last of its content */
  end(last = ''): void {
    const { trailers } = this.body;
    if (trailers.length > 0 && this.#trails) this.#response.addTrailers(pairs(responseTrailers(this.head, trailers)));
    if (last === '') this.#response.end();
    else this.#response.end(last, 'latin1');
  }
}

function pairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length >> 1 }, (_, index) => [
    raw[index * 2] as string,
    raw[index * 2 + 1] as string,
  ]);
}
