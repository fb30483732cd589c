import { createTarget } from '@gopush/contract';
import { expect, test } from 'vitest';
import { reachMachine } from '../../../src/migration/crash/reach-machine.ts';
import { startRawTarget } from '../../support/target.ts';

test('a machine that has responded is reached, although this process had no time to read that', async () => {
  const { port } = await startRawTarget(() => {});
  const reached = reachMachine(createTarget('127.0.0.1', port), 20);
  await new Promise<void>((resolve) => process.nextTick(resolve));
  const until = performance.now() + 100;
  while (performance.now() < until) {}
  expect(await reached).toBe(true);
});
