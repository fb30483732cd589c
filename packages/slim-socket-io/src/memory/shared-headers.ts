import type { IncomingHttpHeaders } from 'node:http';

/** Headers that many clients send with the same value, or proxies add; others, as cookies, differ for each client. */
const common =
  /^(?:accept(?:-.+)?|cache-control|connection|host|origin|pragma|sec-(?:ch|fetch|gpc|websocket-(?:ext|prot|vers)).*|upgrade|user-agent|x-forwarded-(?:host|proto)|x-gopush-(?:agent|product))$/;

/** URLs without anything that differs for each client. */
const commonUrl = /\?EIO=\d&transport=websocket$/;

/** Most values that are kept, and most characters of each, so that no client can fill the memory. */
const maxValues = 4_096;
const maxLength = 512;

const values = new Map<string, string>();

/** Makes equal values of headers one string for all clients; those of a browser take half a kilobyte. */
export function shareHeaders(headers: IncomingHttpHeaders): void {
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (typeof value === 'string' && value.length <= maxLength && common.test(name)) headers[name] = shared(value);
  }
}

/** The URL of a request, as one string for all clients whose program adds nothing to it. */
export function shareUrl(url: string | undefined): string | undefined {
  return url !== undefined && url.length <= maxLength && commonUrl.test(url) ? shared(url) : url;
}

function shared(value: string): string {
  const known = values.get(value);
  if (known !== undefined) return known;
  if (values.size >= maxValues) values.clear();
  values.set(value, value);
  return value;
}
