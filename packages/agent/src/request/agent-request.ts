import { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { decodePercent, type HookRequest } from '@gopush/contract';
import { parse } from 'cookie';
import { countChunk, isResting } from './pace-chunks.ts';
import { parseQuery } from './parse-query.ts';
import type { ReadBody } from './read-body.ts';

/** A client's request as hooks see it. Query and cookies are parsed only when a hook looks at them. */
export class AgentRequest extends IncomingMessage implements HookRequest {
  /** Keeps the body while hooks may read it. */
  readBody: ReadBody | undefined = undefined;
  clientAddress = '';

  // All chunks of a body pass here, however it is read.
  override push(chunk: Buffer | null, encoding?: BufferEncoding): boolean {
    if (chunk !== null) countChunk(this.socket, chunk.length);
    this.readBody?.take(chunk);
    return super.push(chunk, encoding);
  }

  // Nothing is read while the connection waits for its turn.
  override _read(size: number): void {
    if (!isResting(this.socket)) super._read(size);
  }

  get path(): string {
    const url = this.url ?? '/';
    const mark = url.indexOf('?');
    return mark === -1 ? url : url.slice(0, mark);
  }

  get query(): Readonly<Record<string, string | undefined>> {
    return this.#remember('query', parseQuery(this.url ?? '/'));
  }

  get cookies(): Readonly<Record<string, string | undefined>> {
    return this.#remember('cookies', parse(this.headers.cookie ?? '', { decode }));
  }

  // Express swaps a request's prototype and assigns to these names, so remembered values stay assignable.
  #remember<T>(key: string, value: T): T {
    Object.defineProperty(this, key, { value, writable: true, configurable: true, enumerable: true });
    return value;
  }
}

/**
 * A request as it once arrived, without its body, for hooks that are asked again while its session migrates.
 *
 * @param address - of the client
 * @param headers - lines of headers, as they were sent to the target
 */
export function recallRequest(socket: Socket, address: string, path: string, headers: string): AgentRequest {
  const request = new AgentRequest(socket);
  request.clientAddress = address;
  request.method = 'GET';
  request.url = path;
  for (const line of headers.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon === -1) continue;
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    request.rawHeaders.push(name, value);
    request.headers[name.toLowerCase()] ??= value;
  }
  return request;
}

/** A cookie whose escapes are broken stays as it is. */
function decode(text: string): string {
  return decodePercent(text) ?? text;
}
