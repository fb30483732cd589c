import { createConfig, createTarget, failed, type Hooks, type Result, success } from '@gopush/contract';
import { createLogger } from '@gopush/service';
import { expect, test } from 'vitest';
import { createFleet } from '../../src/route/fleet.ts';
import { locate } from '../../src/route/locate.ts';
import { createSources } from '../../src/route/sources.ts';
import { createApiCallers } from '../../src/serve/api-callers.ts';
import { findRoute } from '../../src/serve/find-route.ts';
import { createExchange } from '../support/exchange.ts';

const config = createConfig();
const builtIn = [createTarget('127.0.0.1', 6_100)];
const context = {
  hookTimeoutMs: 1_000,
  sources: createSources({
    builtIn: { current: () => builtIn },
    dnsServers: [],
    allows: undefined,
    log: createLogger(),
  }),
  fleet: createFleet(config.health, () => {}),
  apiCallers: createApiCallers({
    ...config.api,
    keys: [{ name: 'shop', key: 'k'.repeat(32), scopes: ['publish'] }],
  } as never),
};

/** An exchange that is located. */
function locatedExchange(url: string, headers: Readonly<Record<string, string>>, hooks: Hooks) {
  const exchange = createExchange(url, headers, hooks);
  const destination = locate(exchange);
  if (destination.ok) exchange.destination = destination.value;
  return exchange;
}

test('the hook identifies the client, and the router names its targets, without a promise where neither promises', async () => {
  const exchange = locatedExchange('/a?product=default', {}, {});
  const route = findRoute<never>(exchange, () => success('ann'), context) as Result<unknown>;
  expect(route).toMatchObject({
    ok: true,
    value: { identity: { uid: 'ann', product: 'default' }, members: [{ target: { port: 6_100 } }] },
  });
  expect(exchange.uid).toBe('ann');
});

test('no hook is asked for a public product', async () => {
  const router = { default: { targets: 'push-server', public: true } };
  const exchange = locatedExchange('/', {}, { router } as never);
  const identify = (): never => {
    throw new Error('asked');
  };
  expect(await findRoute<never>(exchange, identify, context)).toMatchObject({ ok: true });
  expect([exchange.noHook, exchange.uid]).toEqual(['public', '']);
});

test.each([
  [{}, 'api_key_missing'],
  [{ 'x-api-key': 'wrong' }, 'api_key_unknown'],
])('at the API a client that the hook does not know is told of the key: %j', async (headers, code) => {
  const exchange = locatedExchange('/api/v1/publish', headers, {});
  const route = await findRoute<never>(exchange, () => failed('uid_missing'), context);
  expect(route).toMatchObject({ ok: false, failure: { code } });
});

test('what an app hook has responded to is routed nowhere', async () => {
  const exchange = locatedExchange('/', {}, {});
  expect(await findRoute(exchange, () => 'responded' as const, context)).toBe('responded');
  expect(exchange.uid).toBeUndefined();
});
