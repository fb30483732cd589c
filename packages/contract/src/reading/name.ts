/** C0 controls, DEL, C1 controls, and line and paragraph separators: what may not appear in any name. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is the purpose
const controlCharacter = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/**
 * Returns why `value` cannot be a name (uid, room, event); `undefined` if it can.
 *
 * @param value - the intended name
 * @param maxBytes - longest allowed, in bytes of UTF-8
 */
export function nameFault(value: string, maxBytes: number): string | undefined {
  if (value === '') return 'empty';
  // UTF-8 takes at least one byte for each UTF-16 unit, so this also bounds the work of the checks below.
  if (value.length > maxBytes || Buffer.byteLength(value) > maxBytes) return `longer than ${maxBytes} bytes`;
  if (controlCharacter.test(value)) return 'a string with control characters';
  if (!value.isWellFormed()) return 'a string with a lone surrogate';
  return undefined;
}
