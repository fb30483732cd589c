/** Keys whose values are never logged, in a line or in an object of it. */
const secret: ReadonlySet<string> = new Set([
  'password',
  'sentinelPassword',
  'token',
  'authorization',
  'cookie',
  'secret',
]);

const redacted = '[Redacted]';

/** Replaces a secret in JSON. */
export const hidden = JSON.stringify(redacted);

/** Whether the value of this key is never logged. */
export function isSecret(key: string): boolean {
  return secret.has(key);
}

/** Returns an object without its secrets. An object without secrets is returned as it is. */
export function withoutOwnSecrets(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  for (const key of Object.keys(value)) {
    if (!secret.has(key)) continue;
    return Object.fromEntries(Object.entries(value).map(([name, own]) => [name, secret.has(name) ? redacted : own]));
  }
  return value;
}
