/** Any value as JSON, also what JSON does not know: bytes become `{ "base64" }`, large whole numbers text, what holds itself `null`. */
export function writeJson(value: unknown): string {
  try {
    return JSON.stringify(value, plain) ?? 'null';
  } catch {
    return 'null';
  }
}

/** Called with the object that holds the value, as a Buffer is changed before it is given. */
function plain(this: unknown, key: string, value: unknown): unknown {
  const own = (this as Record<string, unknown>)[key];
  if (own instanceof Uint8Array)
    return { base64: Buffer.from(own.buffer, own.byteOffset, own.length).toString('base64') };
  if (own instanceof ArrayBuffer) return { base64: Buffer.from(own).toString('base64') };
  return typeof value === 'bigint' ? String(value) : value;
}
