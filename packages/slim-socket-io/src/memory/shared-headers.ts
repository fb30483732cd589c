import type { IncomingHttpHeaders } from 'node:http';

/** Headers that many clients send with the same value. Others, as cookies, are each client's own. */
const common =
  /^(?:accept(?:-.+)?|cache-control|connection|host|origin|pragma|sec-(?:ch|fetch|gpc|websocket-(?:ext|prot|vers)).*|upgrade|user-agent)$/;

/** Most values kept, and most characters of each, so that no client can make us keep much. */
const maxValues = 4_096;
const maxLength = 512;

const values = new Map<string, string>();

/** Has equal values of headers be one string for all clients: a browser's take half a kilobyte. */
export function shareHeaders(headers: IncomingHttpHeaders): void {
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (typeof value === 'string' && value.length <= maxLength && common.test(name)) headers[name] = shared(value);
  }
}

function shared(value: string): string {
  const known = values.get(value);
  if (known !== undefined) return known;
  if (values.size >= maxValues) values.clear();
  values.set(value, value);
  return value;
}
