/**
 * Escapes that are whole, and valid as UTF-8 (RFC 3629 section 4). Clients may send thousands of others, and each exception takes as long as a hundred
 * such checks.
 */
const isWhole = new RegExp(
  `^(?:${[
    '[^%]',
    '%[0-7]h',
    '%(?:C[2-9A-F]|Dh)t',
    '%E0%[AB]ht',
    '%E(?:[1-9ABCEF])tt',
    '%ED%[89]ht',
    '%F0%[9AB]htt',
    '%F[1-3]ttt',
    '%F4%8htt',
  ]
    .join('|')
    .replaceAll('t', '%[89AB]h')
    .replaceAll('h', '[0-9A-F]')})*$`,
  'is',
);

/** Decodes percent escapes; `undefined` if they are broken. */
export function decodePercent(text: string): string | undefined {
  // The same string: many are kept for as long as their client stays.
  if (!text.includes('%')) return text;
  return isWhole.test(text) ? decodeURIComponent(text) : undefined;
}
