import { maxBodyBytes, maxHeadBytes } from '../channel/limits.ts';
import { ChunkedEnd } from './chunked-end.ts';

/** What a server has written so far, read as an HTTP response. */
export type ReadResponse =
  /** It has not ended. */
  | { readonly state: 'partial' }
  /** It has switched protocols; `rest` is what it has written after that already. */
  | { readonly state: 'upgraded'; readonly head: Buffer; readonly rest: Buffer }
  /** Another response, complete. */
  | { readonly state: 'complete'; readonly head: Buffer; readonly body: Buffer }
  | { readonly state: 'bad'; readonly detail: string };

const partial = { state: 'partial' } as const;
const endOfHead = Buffer.from('\r\n\r\n');

/** Reads the one response that a server writes to a request, without changing it. */
export class ResponseReader {
  #bytes: Buffer = Buffer.alloc(0);
  #head: Buffer | undefined;
  #chunked: ChunkedEnd | undefined;
  /** Size of the body; infinite: until the server ends the connection. */
  #bodyBytes = 0;

  take(chunk: Buffer): ReadResponse {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    while (this.#head === undefined) {
      const end = this.#bytes.indexOf(endOfHead);
      if (Math.max(end, end < 0 ? this.#bytes.length : 0) > maxHeadBytes) return bad('a head that is too large');
      if (end < 0) return partial;
      const head = this.#bytes.subarray(0, end + endOfHead.length);
      const rest = this.#bytes.subarray(head.length);
      const status = statusOf(head);
      if (status === undefined) return bad('something that is no HTTP response');
      if (status === 101) return { state: 'upgraded', head, rest };
      this.#bytes = rest;
      // 100 and 103 come before the response.
      if (status >= 200) this.#beginBody(head, status);
    }
    return this.#body(this.#head);
  }

  /** The server has ended the connection. */
  end(): ReadResponse {
    const head = this.#head;
    if (head === undefined) return bad('no response before it closed the connection');
    if (this.#bodyBytes !== Number.POSITIVE_INFINITY) return bad('an incomplete response');
    return { state: 'complete', head, body: this.#bytes };
  }

  #beginBody(head: Buffer, status: number): void {
    this.#head = head;
    const text = head.toString('latin1');
    const length = /\r\ncontent-length:[ \t]*(\d{1,9})[ \t]*\r\n/i.exec(text)?.[1];
    if (status === 204 || status === 304) this.#bodyBytes = 0;
    else if (/\r\ntransfer-encoding:[^\r\n]*chunked[ \t]*\r\n/i.test(text)) this.#chunked = new ChunkedEnd();
    else this.#bodyBytes = length === undefined ? Number.POSITIVE_INFINITY : Number(length);
  }

  #body(head: Buffer): ReadResponse {
    if (this.#bytes.length > maxBodyBytes) return bad('a body that is too large');
    const size = this.#chunked === undefined ? this.#bodyBytes : this.#chunked.find(this.#bytes);
    if (size === -1) return bad('an invalid chunked body');
    if (size === undefined || this.#bytes.length < size) return partial;
    return { state: 'complete', head, body: this.#bytes.subarray(0, size) };
  }
}

function statusOf(head: Buffer): number | undefined {
  const status = /^HTTP\/1\.[01] (\d{3})[ \r]/.exec(head.toString('latin1', 0, 16))?.[1];
  return status === undefined ? undefined : Number(status);
}

function bad(what: string): ReadResponse {
  return { state: 'bad', detail: `the server wrote ${what}` };
}
