/**
 * Takes escapes off once, as the most lenient parser would: a plus is a space, `%u0075` a character (IIS), bytes that are too long for what they
 * say count (C1 B5 is `u`), and what is broken stays.
 */
export function decodeLoosely(text: string): string {
  if (!encoded.test(text)) return text;
  const bytes: number[] = [];
  for (const [piece] of text.matchAll(pieces)) {
    if (piece === '+') bytes.push(0x20);
    else if (/^%u./i.test(piece)) bytes.push(...Buffer.from(String.fromCharCode(Number.parseInt(piece.slice(2), 16))));
    else if (piece.length === 3) bytes.push(Number.parseInt(piece.slice(1), 16));
    // As it came on the wire: one byte.
    else if (piece <= '\xff') bytes.push(piece.charCodeAt(0));
    else bytes.push(...Buffer.from(piece));
  }
  const narrow = Buffer.from(bytes)
    .toString('latin1')
    .replace(/[\xc0\xc1][\x80-\xbf]/g, shorten);
  return Buffer.from(narrow, 'latin1').toString();
}

/** Two bytes of UTF-8 for what has room in one. */
function shorten(two: string): string {
  return String.fromCharCode(((two.charCodeAt(0) & 1) << 6) | (two.charCodeAt(1) & 0x3f));
}

const encoded = /[%+\x80-\uffff]/;
const pieces = /%u[0-9a-f]{4}|%[0-9a-f]{2}|./gis;
