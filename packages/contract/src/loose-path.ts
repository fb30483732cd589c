import { decodeLoosely } from './decode-loosely.ts';

/** How often an escape may be escaped itself. */
const maxRounds = 3;

/** What ends a segment to some servers: parameters (`..;` is `..` to Tomcat), a query or fragment that was escaped, a NUL. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the NUL is one of them
const ends = /[;?#\u0000]/;

/**
 * A path as the most lenient server may read it: for each segment what that may be, which is several where a slash is escaped, or a backslash. All
 * in lower case, without escapes, and without blanks and dots at the end.
 */
export function readLoosely(path: string): string[][] {
  return path.split('/').map(looseSegments);
}

function looseSegments(segment: string): string[] {
  let text = segment;
  for (let round = 0; round < maxRounds; round++) {
    const decoded = decodeLoosely(text);
    if (decoded === text) break;
    text = decoded;
  }
  return text.normalize('NFKC').toLowerCase().split(/[/\\]/).map(nameOf);
}

function nameOf(part: string): string {
  const name = (part.split(ends, 1)[0] as string).trim();
  if (name === '..') return name;
  let end = name.length;
  while (end > 0 && (name[end - 1] === '.' || name[end - 1] === ' ')) end--;
  return name.slice(0, end);
}

/** The path of loosely read segments, where those that are empty, or dots, are resolved. */
export function resolvePath(segments: readonly (readonly string[])[]): string {
  const kept: string[] = [];
  for (const segment of segments.flat()) {
    if (segment === '..') kept.pop();
    else if (segment !== '') kept.push(segment);
  }
  return kept.map((segment) => `/${segment}`).join('');
}

/**
 * Whether a `..` may change the first segments of a path: how many of them it removes depends on what a server takes for segments.
 *
 * @param depth - how many of its segments matter
 */
export function mayClimb(segments: readonly (readonly string[])[], depth: number): boolean {
  let certain = 0;
  for (const parts of segments) {
    const ups = parts.filter((part) => part === '..').length;
    certain -= ups;
    if (ups > 0 && certain < depth) return true;
    if (ups === 0 && parts.some((part) => part !== '')) certain++;
  }
  return false;
}
