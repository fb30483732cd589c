/** Keys whose values never reach a log, whether of a line or of an object in it. */
const secret: ReadonlySet<string> = new Set(['password', 'token', 'authorization', 'cookie', 'secret']);

const hidden = '[Redacted]';

/**
 * The fields of a line without secrets. Nearly all lines have none: these are only looked at, neither copied nor compared with patterns,
 * since each request has a line.
 */
export function withoutSecrets(fields: Record<string, unknown>): Record<string, unknown> {
  let safe = fields;
  for (const key in fields) {
    const value = fields[key];
    // What `err` holds is looked at when it has been made plain.
    const shown = secret.has(key) ? hidden : key === 'err' ? value : withoutOwnSecrets(value);
    if (shown === value) continue;
    if (safe === fields) safe = { ...fields };
    safe[key] = shown;
  }
  return safe;
}

/** The same for an object in a line; what has none stays as it is. */
export function withoutOwnSecrets(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  for (const key of Object.keys(value)) {
    if (!secret.has(key)) continue;
    return Object.fromEntries(Object.entries(value).map(([name, own]) => [name, secret.has(name) ? hidden : own]));
  }
  return value;
}
