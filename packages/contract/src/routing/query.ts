import { defaultProduct, productParameter } from '../identity/identity.ts';
import { failed, type Result, success } from '../result.ts';

/** Longest product name a client may send, in characters. */
const maxProductLength = 128;

/**
 * The product a request line asks for.
 *
 * @param url - path and query, as the client sent them
 * @returns `product_ambiguous` for two of them, `product_unknown` for one too long or with broken escapes
 */
export function readProduct(url: string): Result<string> {
  let product: string | undefined;
  for (const pair of queryPairs(url)) {
    if (parameterName(pair) !== productParameter) continue;
    if (product !== undefined) return failed('product_ambiguous');
    const equals = pair.indexOf('=');
    product = decodeParameter(equals === -1 ? '' : pair.slice(equals + 1));
    if (product === undefined || product.length > maxProductLength) return failed('product_unknown');
  }
  return success(product === undefined || product === '' ? defaultProduct : product);
}

/** The Engine.IO session a request belongs to; `undefined` where it names none. */
export function readSid(url: string): string | undefined {
  return parameterOf(url, 'sid');
}

/** Whether a request is an Engine.IO handshake: it names the protocol, and no session yet. */
export function isHandshake(url: string): boolean {
  return parameterOf(url, 'EIO') !== undefined && readSid(url) === undefined;
}

/** A parameter as it stands, without an array of all: each request is asked. */
function parameterOf(url: string, name: string): string | undefined {
  const start = url.indexOf('?');
  if (start === -1) return undefined;
  for (let at = url.indexOf(`${name}=`, start); at !== -1; at = url.indexOf(`${name}=`, at + 1)) {
    if (url[at - 1] !== '?' && url[at - 1] !== '&') continue;
    const end = url.indexOf('&', at);
    return url.slice(at + name.length + 1, end === -1 ? url.length : end);
  }
  return undefined;
}

function queryPairs(url: string): string[] {
  const mark = url.indexOf('?');
  return mark === -1 ? [] : url.slice(mark + 1).split('&');
}

function parameterName(pair: string): string {
  const equals = pair.indexOf('=');
  const text = equals === -1 ? pair : pair.slice(0, equals);
  // What is broken in a name does not hide the rest of it from other parsers.
  return decodeParameter(text) ?? [...new URLSearchParams(text).keys()][0] ?? '';
}

/** application/x-www-form-urlencoded: a plus is a space (https://url.spec.whatwg.org/#urlencoded-parsing). */
function decodeParameter(text: string): string | undefined {
  // Most have nothing to decode, and each request is asked several times.
  if (!text.includes('%') && !text.includes('+')) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
