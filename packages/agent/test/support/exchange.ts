import { Socket } from 'node:net';
import type { Hooks } from '@gopush/contract';
import { createConfig } from '@gopush/contract';
import { createHookSet, policyOf } from '../../src/hooks/hook-set.ts';
import { AgentRequest } from '../../src/request/agent-request.ts';
import { Exchange } from '../../src/route/exchange.ts';

/** An exchange as a line begins with it, without any connection. */
export function createExchange(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  hooks: Hooks = {},
  trusted = false,
): Exchange {
  const client = new Socket();
  const request = new AgentRequest(client);
  Object.assign(request, { url, method: 'GET' });
  for (const [name, value] of Object.entries({ host: 'gateway.test', ...headers })) {
    request.rawHeaders.push(name, value);
    request.headers[name.toLowerCase()] = value;
  }
  const set = createHookSet(hooks, (hook) => `hook ${hook}`, policyOf(createConfig()));
  return new Exchange(request, client, { address: '192.0.2.1', trusted, id: 'id-1' }, set);
}
