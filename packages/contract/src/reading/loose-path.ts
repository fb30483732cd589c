import { decodeLoosely } from './decode-loosely.ts';

/** How often an escape may be escaped itself. */
const maxRounds = 3;

/** What ends a path segment for some servers: parameters (`..;` is `..` for Tomcat), an escaped query or fragment, a NUL. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the NUL is one of them
const ends = /[;?#\u0000]/;

/**
 * Returns a path as the most lenient server may read it: escapes decoded, `\` as `/`, all in lower case, segments
 * without parameters, blanks and dots at their end, and those that are empty, or dots, resolved.
 */
export function readLoosely(path: string): string {
  let text = '';
  for (const segment of segmentsOf(path)) {
    if (segment === '..') text = text.slice(0, Math.max(0, text.lastIndexOf('/')));
    else if (segment !== '') text += `/${segment}`;
  }
  return text;
}

/**
 * The same of what follows the host, to servers that read a path with two slashes at its beginning as a URL without a scheme: `new URL(path, base)`
 * takes `//x/admin` for `/admin` of the host `x`.
 *
 * @returns `undefined`: it does not begin so
 */
export function readAfterAuthority(path: string): string | undefined {
  const [authority] = /^[/\\]{2,}[^/\\]*/.exec(decodeFully(path)) ?? [];
  return authority === undefined ? undefined : readLoosely(decodeFully(path).slice(authority.length));
}

function segmentsOf(path: string): string[] {
  return decodeFully(path).split(/[/\\]/).map(nameOf);
}

function decodeFully(path: string): string {
  let text = path;
  for (let round = 0; round < maxRounds; round++) {
    const decoded = decodeLoosely(text);
    if (decoded === text) break;
    text = decoded;
  }
  return text.normalize('NFKC').toLowerCase();
}

function nameOf(part: string): string {
  const end = part.search(ends);
  const name = (end === -1 ? part : part.slice(0, end)).trim();
  if (!name.endsWith('.') || name === '..') return name;
  let length = name.length;
  while (length > 0 && (name[length - 1] === '.' || name[length - 1] === ' ')) length--;
  return name.slice(0, length);
}

/** More segments than a path has that is checked segment by segment. */
const maxSegments = 256;

/**
 * Whether a `..` may change the first segments of a path. Servers differ in what they take for segments, and so in how many it removes.
 *
 * @param depth - how many of its segments matter
 */
export function mayClimb(path: string, depth: number): boolean {
  if (!decodeFully(path).includes('..')) return false;
  const segments = path.split('/', maxSegments + 1);
  if (segments.length > maxSegments) return true;
  let certain = 0;
  for (const segment of segments) {
    const parts = segmentsOf(segment);
    const ups = parts.filter((part, at) => part === '..' && !isCertain(parts[at - 1])).length;
    certain -= ups;
    if (ups > 0 && certain < depth) return true;
    if (!parts.includes('..') && parts.some((part) => part !== '')) certain++;
  }
  return false;
}

/** Whether every server that sees a `..` also sees the part before it as a segment of its own. */
function isCertain(before: string | undefined): boolean {
  return before !== undefined && before !== '' && before !== '..';
}
