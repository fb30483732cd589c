const name = 'gopush-admin-key';

/** The key that requests are sent with. It stays in this tab, and ends with it. */
function readKey(): string {
  return sessionStorage.getItem(name) ?? '';
}

export function keepKey(key: string): void {
  if (key === '') sessionStorage.removeItem(name);
  else sessionStorage.setItem(name, key);
}

/** Headers of a request. */
export function withKey(): Record<string, string> {
  const key = readKey();
  return key === '' ? {} : { authorization: `Bearer ${key}` };
}
