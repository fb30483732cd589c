/**
 * Most parts of bytes in one message. Clients close their connection on a message with more: it is the bound of socket.io-parser since
 * 4.2.6.
 */
export const maxParts = 10;

/** How many parts of bytes a value has, and how many bytes; one that is in several places counts for each. The value must not be deep. */
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
