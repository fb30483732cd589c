import { continuesField, joinField, readField, tightenField } from './field.ts';

/** The head of a target's response. */
export interface ResponseHead {
  readonly version: string;
  readonly status: number;
  readonly reason: string;
  /** Names and values in turn, as they arrived. */
  readonly headers: readonly string[];
  /** Bytes of the head, the empty line included. */
  readonly size: number;
  /** Whether only lenient recipients accept how it is written, so that the connection should not be used for another response. */
  readonly isLoose: boolean;
}

/** Largest head of a response, in bytes. */
const maxResponseHeadBytes = 64 * 1024;

/**
 * Reads the head of an HTTP/1.1 response (RFC 9112). As curl and nginx do, it accepts lines that end with a bare LF
 * (section 2.2), lines that continue in the next one (section 5.2), and blanks before a colon (section 5.1). Heads
 * that are ambiguous even then are refused.
 *
 * @param known - how many of the bytes were given before: the head has not ended in them
 * @returns the head, `undefined` while it is incomplete, or a sentence with its fault
 */
export function parseResponseHead(bytes: Buffer, known = 0): ResponseHead | string | undefined {
  // An empty line may begin in the known bytes.
  const size = sizeOfHead(bytes, Math.max(0, known - 2));
  if ((size ?? bytes.length) > maxResponseHeadBytes) return `its head is larger than ${maxResponseHeadBytes} bytes`;
  if (size === undefined) {
    // Enough to see that this is not HTTP, without waiting for an empty line that may never come.
    const start = bytes.toString('latin1', 0, Math.min(bytes.length, 5));
    return 'HTTP/'.startsWith(start.slice(0, 5)) ? undefined : 'it is not HTTP';
  }
  const text = bytes.toString('latin1', 0, size);
  const head = text.endsWith('\r\n\r\n') ? readLines(text.slice(0, -4).split('\r\n'), size, false) : undefined;
  if (typeof head === 'object') return head;
  const lines = tighten(text);
  return lines === undefined ? (head as string) : readLines(lines, size, true);
}

const lf = 0x0a;
const cr = 0x0d;

/** How many bytes the head has, up to and with the first empty line; lines may end with CR LF or LF. */
function sizeOfHead(bytes: Buffer, from: number): number | undefined {
  const { length } = bytes;
  for (let at = from; at < length && at <= maxResponseHeadBytes; at++) {
    if (bytes[at] !== lf) continue;
    if (bytes[at + 1] === lf) return at + 2;
    if (bytes[at + 1] === cr && bytes[at + 2] === lf) return at + 3;
  }
  return undefined;
}

function readLines(lines: readonly string[], size: number, isLoose: boolean): ResponseHead | string {
  const status = /^HTTP\/(1\.[01]) (\d{3})(?: ([\t\x20-\x7e\x80-\xff]*))?$/.exec(lines[0] ?? '');
  if (status === null) return 'its status line is malformed';
  // RFC 9110 section 15: clients treat 600 to 999 as a server error, and some services use them.
  if (Number(status[2]) < 100) return `its status is ${status[2]}`;
  const headers: string[] = [];
  for (let index = 1; index < lines.length; index++) {
    const fault = readField(lines[index] as string, headers);
    if (fault !== undefined) return fault;
  }
  return { version: status[1] ?? '', status: Number(status[2]), reason: status[3] ?? '', headers, size, isLoose };
}

/** A line that ends with a bare LF, one that continues the line before, or a blank before a colon. */
const loose = /(?:^|[^\r])\n|\n[ \t]|\n[^\s:]+[ \t]+:/;

/** The lines of a lenient head as a strict sender would have written them; `undefined`: the head is strict. */
function tighten(text: string): string[] | undefined {
  if (!loose.test(text)) return undefined;
  const lines: string[] = [];
  for (const line of text.replace(/\r?\n\r?\n$/, '').split(/\r?\n/)) {
    if (continuesField(line) && lines.length > 1) lines.push(joinField(lines.pop() as string, line));
    else lines.push(lines.length === 0 ? line : tightenField(line));
  }
  return lines;
}

/** How much sooner than its target an agent gives up a connection, in milliseconds: the time that a request may be on its way. */
const marginMs = 1_000;

/**
 * How long the connection may be kept for another request after this response (RFC 9112 section 9.3), in
 * milliseconds. 0 if it ends; a little less than the target announces, if it does (`Keep-Alive: timeout=N`, RFC
 * 2068 section 19.7.1.1); otherwise without end.
 */
export function staysOpenMs({ version, headers, isLoose }: ResponseHead): number {
  if (isLoose) return 0;
  let keeps = version !== '1.0';
  let ms = Number.POSITIVE_INFINITY;
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string;
    if (name.length !== 10) continue;
    const lower = name.toLowerCase();
    if (lower === 'keep-alive') {
      const seconds = /(?:^|[\s,;])timeout\s*=\s*"?(\d{1,9})/i.exec(headers[index + 1] as string)?.[1];
      if (seconds !== undefined) ms = Math.max(0, Number(seconds) * 1_000 - marginMs);
      continue;
    }
    if (lower !== 'connection') continue;
    for (const option of (headers[index + 1] as string).toLowerCase().split(',')) {
      const token = option.trim();
      if (token === 'close') return 0;
      if (token === 'keep-alive') keeps = true;
    }
  }
  return keeps ? ms : 0;
}

/** How the end of a response's body is found (RFC 9112 section 6.3). */
export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'close' };

/**
 * Finds the framing of a response's body.
 *
 * @returns the framing, or a sentence with the reason why none can be trusted
 */
export function framingOf({ status, headers }: ResponseHead, method: string): BodyFraming | string {
  const isBare = status < 200 || status === 204;
  if (isBare) return { kind: 'none' };
  const lengths = valuesOf(headers, 'content-length');
  const codings = valuesOf(headers, 'transfer-encoding');
  const [length] = lengths;
  if (lengths.some((other) => other !== length)) return 'it has two content-lengths';
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return 'its content-length is not a number';
  // Its headers describe the response to another request.
  if (method === 'HEAD' || status === 304) return { kind: 'none' };
  const coding = codings.join(',').trim().toLowerCase();
  // `identity` was a coding until RFC 7230, and means none.
  if (codings.length > 0 && coding !== 'identity') {
    if (length !== undefined) return 'it has both a content-length and a chunked body';
    return coding === 'chunked' ? { kind: 'chunked' } : `its transfer coding is ${coding}`;
  }
  return length === undefined ? { kind: 'close' } : { kind: 'length', length: Number(length) };
}

function valuesOf(headers: readonly string[], wanted: string): string[] {
  const values: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string;
    if (name.length === wanted.length && name.toLowerCase() === wanted) values.push(headers[index + 1] as string);
  }
  return values;
}

/** The first header of a name. */
export function headerOf({ headers }: ResponseHead, name: string): string | undefined {
  for (let index = 0; index < headers.length; index += 2) {
    if ((headers[index] as string).toLowerCase() === name) return headers[index + 1];
  }
  return undefined;
}
