import { decodeLoosely } from '../reading/decode-loosely.ts';
import { uidParameter } from './identity.ts';

/**
 * Replaces every uid in a query by the identified uid, or removes it.
 *
 * The rest stays byte for byte, because targets may sign or compare it. All parameters that some parser reads as `uid` are removed: percent-encoded,
 * in other case (`UID`), with brackets (`[uid]`, `uid[]`), after blanks, a NUL or a second `?`, and before a dot. For targets that read it from the
 * query also after a semicolon, which some parsers treat as a separator; for others `q=a;uid` is one value.
 *
 * @param uid - `undefined`: the target gets it only as a header
 */
export function writeUid(url: string, uid: string | undefined): string {
  // Of `OPTIONS *`, which has no query.
  if (url === '*') return url;
  const mark = url.indexOf('?');
  const kept = mark === -1 ? url : withoutUid(url, mark, uid === undefined ? isAmpersand : isSeparator);
  if (uid === undefined) return kept;
  const ours = `${uidParameter}=${encodeURIComponent(uid)}`;
  if (!kept.includes('?')) return `${kept}?${ours}`;
  return kept.endsWith('&') || kept.endsWith('?') ? kept + ours : `${kept}&${ours}`;
}

function withoutUid(url: string, mark: number, separates: (code: number) => boolean): string {
  // The common case: without a `u`, percent-encoding or a letter outside ASCII there is no `uid`.
  if (!suspicious.test(url.slice(mark))) return url;
  let kept: string | undefined;
  let isChanged = false;
  for (let start = mark; start < url.length; ) {
    let end = start + 1;
    while (end < url.length && !separates(url.charCodeAt(end))) end++;
    if (isUid(url.slice(start + 1, end))) isChanged = true;
    // With the separator before it, unless it has become the first.
    else kept = kept === undefined ? url.slice(start + 1, end) : kept + url.slice(start, end);
    start = end;
  }
  if (!isChanged) return url;
  return kept === undefined || kept === '' ? url.slice(0, mark) : `${url.slice(0, mark)}?${kept}`;
}

const suspicious = /[uU%\x80-\uffff]/;

function isAmpersand(code: number): boolean {
  return code === 0x26;
}

function isSeparator(code: number): boolean {
  return isAmpersand(code) || code === 0x3b;
}

/** How often an escape may be escaped itself. */
const maxRounds = 3;

/** Whether some parser may read this parameter as the uid. */
function isUid(parameter: string): boolean {
  const equals = parameter.indexOf('=');
  let name = equals === -1 ? parameter : parameter.slice(0, equals);
  // No character stands for two letters of it.
  if (name.length < uidParameter.length || !suspicious.test(name)) return false;
  for (let round = 0; round < maxRounds; round++) {
    const decoded = decodeLoosely(name);
    if (decoded.length < uidParameter.length) return false;
    if (isUidName(decoded)) return true;
    if (decoded === name) return false;
    name = decoded;
  }
  return false;
}

/**
 * `uid`, after characters that some parsers drop, and before characters that end a name for some. `_` and `-` are part of a name: `uid_type` is
 * another parameter.
 */
const uidName = /^[^\p{L}\p{N}_-]*UID(?![\p{L}\p{N}_-])/u;

/** The same in ASCII, which needs no folding. */
const asciiUidName = /^[^\dA-Za-z_-]*uid(?![\dA-Za-z_-])/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: some parsers drop them
const [ascii, controls] = [/^[\0-\x7f]*$/, /[\0-\x1f\x7f]+/g];

function isUidName(name: string): boolean {
  // Thousands of names in one query would take several milliseconds otherwise.
  if (ascii.test(name)) return asciiUidName.test(name) || asciiUidName.test(name.replace(controls, ''));
  // In capital letters, as some letters beyond ASCII become ASCII so, and none beside the other way round.
  const folded = name
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toUpperCase();
  return uidName.test(folded) || uidName.test(folded.replace(/[\p{C}\ufffd]+/gu, ''));
}
