/**
 * Decodes escapes once, as the most lenient parser would: a plus is a space, `%u0075` a character (IIS), overlong UTF-8
 * counts (C1 B5 is `u`), and broken escapes stay.
 */
export function decodeLoosely(text: string): string {
  if (!encoded.test(text)) return text;
  // No character takes more.
  const bytes = Buffer.allocUnsafe(text.length * 3);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const escaped = code === percent ? readEscape(text, at) : undefined;
    if (escaped !== undefined) {
      if (escaped.size === 3) bytes[length++] = escaped.value;
      else length += bytes.write(String.fromCharCode(escaped.value), length);
      at += escaped.size - 1;
    } else if (code === plus) bytes[length++] = space;
    // One byte, as on the wire.
    else if (code <= 0xff) bytes[length++] = code;
    else {
      const character = String.fromCodePoint(text.codePointAt(at) as number);
      length += bytes.write(character, length);
      at += character.length - 1;
    }
  }
  return readBytes(bytes.subarray(0, length));
}

function readEscape(text: string, at: number): { readonly value: number; readonly size: number } | undefined {
  const [high, low] = [hexAt(text, at + 1), hexAt(text, at + 2)];
  if (high >= 0 && low >= 0) return { value: high * 16 + low, size: 3 };
  if ((text.charCodeAt(at + 1) | 0x20) !== 0x75) return undefined;
  let value = 0;
  for (let digit = at + 2; digit < at + 6; digit++) {
    const one = hexAt(text, digit);
    if (one < 0) return undefined;
    value = value * 16 + one;
  }
  return { value, size: 6 };
}

/** -1 for a character that is not a digit. */
function hexAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function readBytes(bytes: Buffer): string {
  if (!bytes.some((byte) => byte === 0xc0 || byte === 0xc1)) return bytes.toString();
  const narrow = bytes.toString('latin1').replace(/[\xc0\xc1][\x80-\xbf]/g, shorten);
  return Buffer.from(narrow, 'latin1').toString();
}

/** Overlong UTF-8: two bytes for a character that fits in one. */
function shorten(two: string): string {
  return String.fromCharCode(((two.charCodeAt(0) & 1) << 6) | (two.charCodeAt(1) & 0x3f));
}

const encoded = /[%+\x80-\uffff]/;
const [percent, plus, space] = [0x25, 0x2b, 0x20];
