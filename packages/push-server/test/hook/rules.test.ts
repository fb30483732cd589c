import { silentLogger } from '@gopush/service';
import { expect, test } from 'vitest';
import { createRules } from '../../src/hook/rules.ts';

const client = { id: 'i', uid: 'ann', product: 'default', address: '', data: {}, headers: {}, query: {}, auth: {} };

function revoked(): never {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy as never;
}

const rulesOf = (verdict: () => never) =>
  createRules(
    () => ({ hook: { onConnect: verdict, canJoin: verdict, canPublish: verdict }, file: 'hook.js' }),
    1_000,
    silentLogger,
  );

test.each([
  ['a proxy that is revoked', revoked],
  [
    'an object with a property that throws',
    () =>
      Object.defineProperty({}, 'message', {
        enumerable: true,
        get() {
          throw new Error('it cannot be read');
        },
      }) as never,
  ],
])('a verdict that cannot be read refuses, and is the fault of the hook: %s', async (_what, verdict) => {
  const rules = rulesOf(verdict);
  const results = [
    await rules.mayConnect(client),
    await rules.mayJoin(client, 'den'),
    await rules.mayPublish(client, 'den', 'event', 1),
  ];
  for (const result of results) expect(result).toMatchObject({ ok: false });
  for (const result of results) if (!result.ok) expect(result.failure.code).toMatch(/^server_hook_(bad_value|threw)$/);
});
