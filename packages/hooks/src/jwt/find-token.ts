import { parseCookie } from 'cookie';

/** Where a request may carry its token: `Authorization: Bearer …`, a cookie, or a query parameter. */
export type JwtPlace = 'bearer' | `cookie:${string}` | `query:${string}`;

/** Where to look for a token: the request of an agent's hook, the client of a server hook, or a request of Express. */
export interface JwtRequest {
  readonly headers: { readonly authorization?: string | undefined; readonly cookie?: string | undefined };
  readonly query?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Creates a function that finds the token of a request, in the first place that has one.
 *
 * @throws TypeError for an unknown place
 */
export function createTokenFinder(places: readonly JwtPlace[]): (request: JwtRequest) => string | undefined {
  const finders = places.map(finderFor);
  if (finders.length === 0) throw new TypeError('verifyJwt: from: found an empty list, wanted at least one place');
  return (request) => {
    for (const find of finders) {
      const token = find(request);
      if (token !== undefined && token !== '') return token;
    }
    return undefined;
  };
}

function finderFor(place: JwtPlace): (request: JwtRequest) => string | undefined {
  const [, kind, name = ''] = /^(cookie|query):(.+)$/.exec(place) ?? [];
  if (place === 'bearer') return ({ headers }) => /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (kind === 'cookie') {
    return ({ headers }) => {
      // Only this one is decoded: a client may send thousands whose escapes are broken.
      const cookie = parseCookie(headers.cookie ?? '', { decode: (text) => text })[name];
      return cookie === undefined ? undefined : decode(cookie);
    };
  }
  if (kind === 'query') {
    return ({ query }) => {
      const value = query?.[name];
      return typeof value === 'string' ? value : undefined;
    };
  }
  throw new TypeError(`verifyJwt: from: found ${String(place)}, wanted bearer, cookie:<name> or query:<name>`);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
