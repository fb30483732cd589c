import { createTarget } from '@gopush/contract';
import { silentLogger } from '@gopush/service';
import type { RegisteredNode, RegistryStore } from '@gopush/store';
import { expect, onTestFinished, test } from 'vitest';
import { startChecks } from '../../src/route/checks.ts';
import { discover } from '../../src/route/discover.ts';
import { createFleet } from '../../src/route/fleet.ts';
import { plainPolicy } from '../support/members.ts';

const node = {
  id: 'one',
  tier: 'push-server',
  host: '10.0.0.1',
  port: 8_000,
  weight: 1,
  load: 0,
  state: 'ready',
} as const;

test('a push-server that is announced at something that is no address is not discovered', async () => {
  const odd = ['', 'a b', 'a\0b', 'x\r\nx-gopush-uid: admin', '[::1'].map((host) => ({ ...node, host }));
  const nodes: RegisteredNode[] = [...odd, { ...node, port: 0 }, { ...node, host: 'fe80::1%eth0' }, node];
  const registry = { list: async () => nodes, watch: () => () => {} } as unknown as RegistryStore;
  const found = await discover(registry, silentLogger);
  expect(found.current().map(({ name }) => name)).toEqual(['[fe80::1%eth0]:8000', '10.0.0.1:8000']);
});

test.each(['tcp', '/readyz'])('a target that Node cannot connect to ends no check by %s', async (check) => {
  const health = { failures: 2, ejectMs: 1_000, maxEjectMs: 1_000, maxEjectedPercent: 50, slowStartMs: 0 };
  const fleet = createFleet({ ...health, checkIntervalMs: 10, checkTimeoutMs: 1_000 } as never, () => {});
  onTestFinished(fleet.close);
  const rejections: unknown[] = [];
  const note = (error: unknown): void => void rejections.push(error);
  process.on('unhandledRejection', note);
  onTestFinished(() => void process.off('unhandledRejection', note));
  const product = fleet.product('default', { ...plainPolicy, check }, false);
  let asked = 0;
  const target = {
    ...createTarget('127.0.0.1', 70_000),
    get host() {
      asked++;
      return '127.0.0.1';
    },
  };
  product.list([target], performance.now(), 0);
  onTestFinished(startChecks(fleet));
  // Once more: the first check has ended.
  await expect.poll(() => asked, { interval: 10 }).toBeGreaterThan(1);
  expect(rejections).toEqual([]);
});
