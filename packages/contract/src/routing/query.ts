import { defaultProduct, productParameter } from '../identity/identity.ts';
import { failed, type Result, success } from '../result.ts';

/** Longest product name a client may send, in characters. */
const maxProductLength = 128;

/**
 * The product in `?product=`.
 *
 * @param url - path and query, as the client sent them
 * @returns `product_ambiguous` for two of them, `product_unknown` if it is too long or its percent-encoding is invalid
 */
export function readProduct(url: string): Result<string> {
  let product: string | undefined;
  for (const pair of queryPairs(url)) {
    const equals = pair.indexOf('=');
    if (!isProduct.test(equals === -1 ? pair : pair.slice(0, equals))) continue;
    if (product !== undefined) return failed('product_ambiguous');
    product = decodeParameter(equals === -1 ? '' : pair.slice(equals + 1));
    if (product === undefined || product.length > maxProductLength) return failed('product_unknown');
  }
  return success(product === undefined || product === '' ? defaultProduct : product);
}

/** The Engine.IO session of a request; `undefined` if the request has none. */
export function readSid(url: string): string | undefined {
  return parameterOf(url, 'sid');
}

/** Whether a request is an Engine.IO handshake: it has a protocol version, but no session yet. */
export function isHandshake(url: string): boolean {
  return parameterOf(url, 'EIO') !== undefined && readSid(url) === undefined;
}

/** A raw parameter. Makes no array of all parameters, because this runs for each request. */
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

/** Whether a name is that of the product, escaped or not. Decoding each name would take 30 ms if a client sends thousands of broken escapes. */
const isProduct = new RegExp(`^${Array.from(productParameter, literalOrEscape).join('')}$`);

function literalOrEscape(letter: string): string {
  const [high = '', low = ''] = letter.charCodeAt(0).toString(16);
  return `(?:${letter}|%${high}[${low}${low.toUpperCase()}])`;
}

/** application/x-www-form-urlencoded: a plus is a space (https://url.spec.whatwg.org/#urlencoded-parsing). */
function decodeParameter(text: string): string | undefined {
  // Most values need no decoding, and this runs several times per request.
  if (!text.includes('%') && !text.includes('+')) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
