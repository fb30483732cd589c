/** Headers as Node gives them raw: names and values in turn, as they arrived. */
export type RawHeaders = readonly string[];

/** Headers that mean only the connection they came on (RFC 9110 section 7.6.1), besides those that `Connection` names. */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/**
 * The end-to-end headers among some headers; one of several values stays several.
 *
 * @param passes - whether a header of this name, in lower case, is taken
 * @param head - headers of the message, of which `Connection` names those that are not end-to-end. @defaultValue the same headers
 */
export function endToEnd(raw: RawHeaders, passes: (name: string) => boolean, head: RawHeaders = raw): string[] {
  const named = namedByConnection(head);
  const headers: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] as string;
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || named?.has(lower) || !passes(lower)) continue;
    headers.push(name, raw[index + 1] as string);
  }
  return headers;
}

function namedByConnection(raw: RawHeaders): Set<string> | undefined {
  let named: Set<string> | undefined;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    if ((raw[index] as string).toLowerCase() !== 'connection') continue;
    for (const name of (raw[index + 1] as string).split(',')) {
      const lower = name.trim().toLowerCase();
      if (lower === '' || lower === 'keep-alive' || lower === 'close' || lower === 'upgrade') continue;
      // Without its length a body would be taken for the next request; without a host no server responds.
      if (lower === 'content-length' || lower === 'host') continue;
      named ??= new Set();
      named.add(lower);
    }
  }
  return named;
}
