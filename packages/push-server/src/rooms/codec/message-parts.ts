/**
 * Most parts of bytes in one message: the limit of socket.io-parser since 4.2.6. Clients close their connection on a message with more.
 */
export const maxParts = 10;

/** Counts the parts of bytes in a value, and their bytes. A part in several places counts in each. The value must not be nested deeply. */
export function bytesIn(value: unknown): { readonly parts: number; readonly bytes: number } {
  const sum = { parts: 0, bytes: 0 };
  add(value, sum);
  return sum;
}

function add(value: unknown, sum: { parts: number; bytes: number }): void {
  if (typeof value !== 'object' || value === null) return;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    sum.parts++;
    sum.bytes += value.byteLength;
    return;
  }
  for (const inner of Object.values(value)) add(inner, sum);
}
