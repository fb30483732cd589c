import type { Target } from '@gopush/contract';
import { isFieldValue, isToken } from './field.ts';

/** The head of an HTTP/1.1 response as bytes, from names and values in turn. */
export function writeHead(status: number, reason: string, headers: readonly string[]): string {
  if (!isFieldValue(reason)) throw new HeadError('the reason of the status', 'control characters');
  return `HTTP/1.1 ${status} ${reason}\r\n${writeHeaders(headers)}\r\n`;
}

/**
 * The head of an HTTP/1.1 request as bytes.
 *
 * @param headers - lines of headers, as {@link writeHeaders} writes them
 */
export function writeRequestHead(method: string, path: string, headers: string): string {
  if (!isToken(method)) throw new HeadError('the method', 'characters that are not allowed in a method');
  if (!isPathOnWire(path)) throw new HeadError('the path', 'blanks, control characters or characters outside ASCII');
  return `${method} ${path} HTTP/1.1\r\n${headers}\r\n`;
}

/**
 * Headers as lines, from names and values in turn.
 *
 * @throws HeadError for a name or value that would end its line: wherever it comes from, one header must not become two
 */
export function writeHeaders(headers: readonly string[]): string {
  let text = '';
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] as string;
    const value = headers[index + 1] as string;
    if (!isToken(name)) throw new HeadError('the name of a header', 'characters that are not allowed in a name');
    if (!isFieldValue(value))
      throw new HeadError(`the header ${name}`, 'control characters or characters above U+00FF');
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

/** Lines of headers with the `Host` that a target wants instead of the client's. */
export function writeHost(headers: string, { hostHeader }: Target): string {
  return hostHeader === undefined ? headers : headers.replace(/^host:.*$/im, `host: ${hostHeader}`);
}

/** Whether a path with its query can be written; a hook may have made anything of it. */
function isPathOnWire(path: string): boolean {
  return path === '*' || /^\/[\x21-\x7e\x80-\xff]*$/.test(path);
}

/** A part of a head cannot be written without changing the meaning of the head. */
class HeadError extends Error {
  override readonly name = 'HeadError';

  constructor(what: string, holds: string) {
    super(`${what} contains ${holds} and is not written`);
  }
}
