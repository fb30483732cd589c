import { apiPath } from '@gopush/contract';
import { CommandError } from '../command-error.ts';
import { jsonLine } from '../json-line.ts';
import { checkKey } from './check-key.ts';
import type { ApiAccess } from './find-api.ts';

/** A request to the API. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST';
  /** Parts of the path below `/api/v1`, as they are: names may hold slashes. */
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
}

/** How long a response may take, in milliseconds. */
const patienceMs = 30_000;

/**
 * Asks the API of a push-server.
 *
 * @returns its response, as one line of JSON
 * @throws CommandError with exit code 1 for a refusal, which has the code of the failure table, and for no answer
 */
export async function askApi(
  { url, key, product }: ApiAccess,
  { method, path, query = {}, body }: ApiRequest,
): Promise<string> {
  const asked = new URLSearchParams({ ...query, ...(product === undefined ? {} : { product }) });
  const answer = await send(`${url}${apiPath}/${path.map(writePart).join('/')}${asked.size === 0 ? '' : `?${asked}`}`, {
    method,
    // Not as a bearer: that cannot hold blanks.
    headers: { 'x-api-key': checkKey(key), 'content-type': 'application/json' },
    // The key is for this address alone.
    redirect: 'manual',
    signal: AbortSignal.timeout(patienceMs),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((error: Error) => {
    throw new CommandError(1, `the API at ${url} cannot be reached: ${reasonOf(error)}`);
  });
  const said = parse(answer.text);
  if (answer.ok && said !== undefined) return jsonLine(said);
  throw refusalOf(url, answer.status, said);
}

/**
 * Opens a stream of Server-Sent Events of the API: `GET /listen`.
 *
 * @param query - the rooms and users
 * @param lastId - id of the last event that came; empty: none has
 * @throws CommandError with exit code 1 for a refusal, and if the API cannot be reached
 */
export async function openApi(
  { url, key, product }: ApiAccess,
  query: URLSearchParams,
  lastId: string,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const asked = new URLSearchParams(query);
  if (product !== undefined) asked.set('product', product);
  const response = await fetch(`${url}${apiPath}/listen?${asked}`, {
    headers: {
      'x-api-key': checkKey(key),
      accept: 'text/event-stream',
      ...(lastId === '' ? {} : { 'last-event-id': lastId }),
    },
    redirect: 'manual',
    signal,
  }).catch((error: Error) => {
    throw new CommandError(1, `the API at ${url} cannot be reached: ${reasonOf(error)}`);
  });
  if (response.ok && response.body !== null) return response.body;
  throw refusalOf(url, response.status, parse(await response.text()));
}

function refusalOf(url: string, status: number, said: unknown): CommandError {
  const { code, message } = errorOf(said);
  if (code !== undefined) return new CommandError(1, oneLine(`${code}: ${message}`));
  return new CommandError(1, `${url} responded ${status}, but not as the API does`);
}

async function send(url: string, init: RequestInit): Promise<{ ok: boolean; status: number; text: string }> {
  const response = await fetch(url, init);
  return { ok: response.ok, status: response.status, text: await response.text() };
}

/** Escaped or not, a URL takes these two for places above (https://url.spec.whatwg.org/#double-dot-path-segment). */
function writePart(name: string): string {
  if (name !== '.' && name !== '..') return encodeURIComponent(name);
  throw new CommandError(2, `${name}: a name of only dots cannot be part of a URL; use POST /batch`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function errorOf(said: unknown): { readonly code?: string; readonly message?: string } {
  return (said as { error?: { code?: string; message?: string } } | null | undefined)?.error ?? {};
}

function reasonOf({ name, message, cause }: Error): string {
  if (name === 'TimeoutError') return `no response within ${patienceMs} ms`;
  // "fetch failed" does not tell the reason. For a host with several addresses the cause has a code and no message.
  const { message: inner, code } = (cause ?? {}) as NodeJS.ErrnoException;
  return oneLine(inner || code || message);
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}
