import { expect, test } from 'vitest';
import { parseQuery } from '../../src/request/parse-query.ts';

/** What URLSearchParams makes of it, which is right by definition. */
function expected(url: string): [string, string][] {
  const mark = url.indexOf('?');
  const first = new Map<string, string>();
  if (mark === -1) return [];
  for (const [key, value] of new URLSearchParams(url.slice(mark + 1))) if (!first.has(key)) first.set(key, value);
  return [...first].sort();
}

const pieces = ['', 'a', 'b', '=', '&', '?', '1', '%41', '+', '__proto__', 'constructor', 'é', '#'];

test('a query is read as URLSearchParams reads it, whatever its pieces', () => {
  for (const one of pieces)
    for (const two of pieces)
      for (const three of pieces)
        for (const four of pieces) {
          const url = `/p?${one}${two}${three}=x&${four}${two}`;
          const query = parseQuery(url);
          expect({
            url,
            query: Object.keys(query)
              .map((key) => [key, query[key]])
              .sort(),
          }).toEqual({
            url,
            query: expected(url),
          });
        }
});

test('there is nothing in a query that was not sent', () => {
  for (const url of ['/', '/?', '/?&', '/?a=1', '/?%61=1']) {
    const query = parseQuery(url);
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) expect(name in query).toBe(false);
  }
});
