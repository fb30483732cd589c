import { withKey } from './access-key.ts';

/** A response of the node: JSON as a value, anything else as text. */
export interface Answer {
  readonly status: number;
  readonly value: unknown;
}

/** Asks the node, with the key. @param body - posted as JSON; absent: nothing is posted */
export async function ask(path: string, body?: object): Promise<Answer> {
  try {
    const post = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const response = await fetch(path, { ...post, headers: withKey() });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    const value: unknown = isJson ? JSON.parse(text) : text.trim();
    return { status: response.status, value: response.ok ? value : messageIn(value) };
  } catch {
    return { status: 0, value: 'this node cannot be reached' };
  }
}

/** What a refusal says. */
function messageIn(value: unknown): string {
  const { error } = Object(value) as { readonly error?: { readonly message?: string } };
  return error?.message ?? String(value);
}
