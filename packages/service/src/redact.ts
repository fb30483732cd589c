/** Keys whose values never reach a log, whether of a line or of an object in it. */
const secret: ReadonlySet<string> = new Set([
  'password',
  'sentinelPassword',
  'token',
  'authorization',
  'cookie',
  'secret',
]);

const redacted = '[Redacted]';

/** What stands for a secret in JSON. */
export const hidden = JSON.stringify(redacted);

/** Whether what has this key is never written. */
export function isSecret(key: string): boolean {
  return secret.has(key);
}

/** An object in a line without its secrets; what has none stays as it is. */
export function withoutOwnSecrets(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  for (const key of Object.keys(value)) {
    if (!secret.has(key)) continue;
    return Object.fromEntries(Object.entries(value).map(([name, own]) => [name, secret.has(name) ? redacted : own]));
  }
  return value;
}
