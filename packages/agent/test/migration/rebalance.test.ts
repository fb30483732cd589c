import { createTarget } from '@gopush/contract';
import { silentLogger } from '@gopush/service';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import type { HookSet } from '../../src/hooks/hook-set.ts';
import type { LeavingSession } from '../../src/migration/leaving-sessions.ts';
import type { Pacer } from '../../src/migration/pacer.ts';
import { Rebalance } from '../../src/migration/rebalance.ts';
import { createFleet, type HealthConfig } from '../../src/route/fleet.ts';
import { plainPolicy } from '../support/members.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A session at the first of some targets of these weights. @returns how often it was asked to leave, and its targets */
function openRebalance(weights: readonly number[]) {
  const fleet = createFleet({ slowStartMs: 0 } as HealthConfig, () => {});
  const targets = weights.map((weight, index) => createTarget('127.0.0.1', 4000 + index, weight));
  const members = fleet.product('default', plainPolicy, false).list(targets, performance.now(), 0);
  const seen = { asked: 0, members };
  const session = {
    member: members[0],
    isHeld: false,
    isOver: false,
    canMigrate: true,
    migrate: () => ++seen.asked > 0,
  };
  const source = { product: 'default', policy: plainPolicy, from: { kind: 'targets' } };
  const rebalance = new Rebalance({
    seamless: { movesPerSecond: 1_000 },
    fleet,
    hooks: () => ({ products: new Map([['default', source]]) }) as unknown as HookSet,
    sources: { targets: () => Promise.resolve(targets) } as never,
    sessions: () => [session as unknown as LeavingSession],
    pacer: { take: () => true } as Pacer,
    onListed: () => {},
    log: silentLogger,
  });
  onTestFinished(() => {
    rebalance.close();
    fleet.close();
  });
  return seen;
}

test('sessions leave a target of weight 0', async () => {
  const seen = openRebalance([0, 1]);
  await vi.advanceTimersByTimeAsync(1_500);
  expect(seen.asked).toBe(1);
});

test('sessions stay at a target of weight 0 as long as no other one takes new clients: they would go round without end', async () => {
  const seen = openRebalance([0, 0, 1]);
  const [, , third] = seen.members;
  Object.assign(third as object, { ejectedUntil: performance.now() + 5_000 });
  await vi.advanceTimersByTimeAsync(4_500);
  expect(seen.asked).toBe(0);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(seen.asked).toBe(1);
});

test('the timer that asks for sessions runs only while some are to leave', async () => {
  const seen = openRebalance([0, 1]);
  const idle = vi.getTimerCount();
  await vi.advanceTimersByTimeAsync(1_010);
  expect(vi.getTimerCount()).toBe(idle + 1);
  await vi.advanceTimersByTimeAsync(490);
  expect(seen.asked).toBe(1);
  expect(vi.getTimerCount()).toBe(idle);
});
