/** Writes any value as JSON, also values that JSON does not have: bytes become `{ "base64" }`, a BigInt a string, a circular value `null`. */
export function writeJson(value: unknown): string {
  try {
    return JSON.stringify(value, plain) ?? 'null';
  } catch {
    return 'null';
  }
}

/** Reads the value from its object, as a Buffer is converted before it is passed. */
function plain(this: unknown, key: string, value: unknown): unknown {
  const own = (this as Record<string, unknown>)[key];
  if (own instanceof Uint8Array)
    return { base64: Buffer.from(own.buffer, own.byteOffset, own.length).toString('base64') };
  if (own instanceof ArrayBuffer) return { base64: Buffer.from(own).toString('base64') };
  return typeof value === 'bigint' ? String(value) : value;
}
