import { randomBytes } from 'node:crypto';
import type { ApiScope, ConfigInput } from '@gopush/contract';
import type { PushServer, PushServerOptions } from '@gopush/push-server';
import { startPushServers } from './gateway.ts';

/** Keys of the tests: one for each scope, and one for all. */
export const keys = {
  all: randomBytes(18).toString('hex'),
  publish: randomBytes(18).toString('hex'),
  read: randomBytes(18).toString('hex'),
  admin: randomBytes(18).toString('hex'),
};

const scopes: readonly ApiScope[] = ['publish', 'read', 'admin'];

/** Settings with these keys. */
export const apiConfig: ConfigInput['api'] & object = {
  keys: [
    { name: 'all', key: keys.all, scopes },
    ...scopes.map((scope) => ({ name: scope, key: keys[scope], scopes: [scope] })),
  ],
};

/** Push-servers with an API. */
export function startApis(
  count: number,
  config: ConfigInput = {},
  options: Pick<PushServerOptions, 'hooks' | 'logger'> = {},
): Promise<PushServer[]> {
  return startPushServers(count, { ...config, api: { ...apiConfig, ...config.api } }, options);
}

/** An answer of the API. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: any JSON, of which each test knows the shape
  readonly body: any;
}

/** Asks the API. */
export async function call(
  server: Pick<PushServer, 'url'>,
  request: string,
  body?: unknown,
  { key = keys.all, headers = {} }: { key?: string | null; headers?: Record<string, string> } = {},
): Promise<ApiAnswer> {
  const [method = 'GET', path = '/'] = request.split(' ');
  const response = await fetch(`${server.url}/api/v1${path}`, {
    method,
    headers: { ...(key === null ? {} : { authorization: `Bearer ${key}` }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(20_000),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
}

/** The code of a refusal, with its status. */
export function refusal({ status, body }: ApiAnswer): [number, string] {
  return [status, body?.error?.code];
}
