/** The name of a header or trailer (RFC 9110 section 5.6.2). */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** The value of a header or trailer (RFC 9110 section 5.5). Nothing above U+00FF: written as bytes, `U+010A` would become a line feed. */
const text = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Whether a text may be the name of a header or trailer, or a method. */
export function isToken(name: string): boolean {
  return token.test(name);
}

/** Whether a text may be the value of a header or trailer: no control characters, only characters of one byte. */
export function isFieldValue(value: string): boolean {
  return text.test(value);
}

/**
 * Reads one line of a head, or of trailers (RFC 9112 section 5).
 *
 * @param into - gets its name and its value
 * @returns its fault; `undefined`: none
 */
export function readField(line: string, into: string[]): string | undefined {
  const colon = line.indexOf(':');
  const name = line.slice(0, colon);
  // A line that begins with white space continues the line before: obsolete, and refused (RFC 9112 section 5.2).
  if (colon < 1 || !token.test(name)) return 'a header is malformed';
  const value = withoutBlanks(line, colon + 1);
  if (!text.test(value)) return 'a header contains control characters';
  into.push(name, value);
  return undefined;
}

/** Whether a line continues the field before it: obsolete, and accepted from targets only (RFC 9112 section 5.2). */
export function continuesField(line: string): boolean {
  return /^[ \t]/.test(line);
}

/** A field with the line that continues it. */
export function joinField(field: string, line: string): string {
  return `${field} ${line.replace(/^[ \t]+/, '')}`;
}

/** A field without the blanks before its colon, which are accepted from targets only (RFC 9112 section 5.1). */
export function tightenField(line: string): string {
  return line.replace(/^([^\s:]+)[ \t]+:/, '$1:');
}

/** A text without the spaces and tabs around it. `trim` would remove control characters as well, which have to be refused. */
function withoutBlanks(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && isBlank(line.charCodeAt(start))) start++;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end--;
  return line.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/**
 * A name as targets read it that cannot tell all names apart: CGI, WSGI and PHP replace everything but letters and digits by one character.
 *
 * @param name - in lower case
 */
export function foldName(name: string): string {
  return odd.test(name) ? name.replace(/[^a-z0-9]/g, '-') : name;
}

const odd = /[^a-z0-9-]/;
