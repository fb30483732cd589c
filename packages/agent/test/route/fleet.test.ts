import { createTarget } from '@gopush/contract';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { createFleet, type HealthConfig, type Member } from '../../src/route/fleet.ts';
import { plainPolicy } from '../support/members.ts';

const health: HealthConfig = {
  failures: 3,
  ejectMs: 1_000,
  maxEjectMs: 4_000,
  maxEjectedPercent: 50,
  slowStartMs: 0,
  check: 'none',
  checkIntervalMs: 2_000,
  checkTimeoutMs: 1_000,
};

function openFleet(count: number, settings: Partial<HealthConfig> = {}) {
  const events: string[] = [];
  const fleet = createFleet({ ...health, ...settings }, (_member, event, forMs) => events.push(`${event} ${forMs}`));
  onTestFinished(fleet.close);
  const product = fleet.product('default', plainPolicy, false);
  const targets = Array.from({ length: count }, (_, index) => createTarget('127.0.0.1', 4000 + index));
  const members = product.list(targets, performance.now(), 0);
  const fail = (member: Member | undefined, times = 3): void => {
    for (let time = 0; time < times; time++) fleet.failed(member as Member, 'target_reset', members);
  };
  return { fleet, product, members, events, fail };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  vi.advanceTimersByTime(1_000);
});
afterEach(() => {
  vi.useRealTimers();
});

test('a target that fails again after its time is left out for twice as long, up to the most', () => {
  const { members, events, fail } = openFleet(2);
  fail(members[0]);
  for (const ms of [1_000, 2_000, 4_000, 4_000]) {
    vi.advanceTimersByTime(ms);
    // One try is enough now.
    fail(members[0], 1);
  }
  expect(events).toEqual(['ejected 1000', 'ejected 2000', 'ejected 4000', 'ejected 4000', 'ejected 4000']);
});

test('one that was well for as short as a moment is left out for longer than before, one that was well for long is not', () => {
  const { fleet, members, events, fail } = openFleet(2);
  const [member] = members as [Member];
  fail(member);
  vi.advanceTimersByTime(1_000);
  fleet.succeeded(member);
  fleet.succeeded(member);
  fail(member);
  vi.advanceTimersByTime(2_000);
  fleet.succeeded(member);
  vi.advanceTimersByTime(2_000);
  fleet.succeeded(member);
  fail(member);
  expect(events).toEqual(['ejected 1000', 'back 0', 'ejected 2000', 'back 0', 'ejected 1000']);
});

test.each([
  ['target_unreachable', ['ejected 1000', 'back 0']],
  ['target_reset', ['ejected 1000']],
] as const)('a new process at its address ends the ejection of a target with %s: %j', (code, expected) => {
  const { fleet, members, events } = openFleet(2);
  const [member] = members as [Member];
  for (let time = 0; time < 3; time++) fleet.failed(member, code, members);
  fleet.started(member);
  expect(events).toEqual(expected);
});

test('failures count only in a row', () => {
  const { fleet, members, events, fail } = openFleet(2);
  for (let round = 0; round < 5; round++) {
    fail(members[0], 2);
    fleet.succeeded(members[0] as Member);
  }
  expect(events).toEqual([]);
});

test.each([
  [1, 50, 0],
  [1, 100, 0],
  [2, 50, 1],
  [2, 100, 1],
  [3, 50, 1],
  [4, 50, 2],
  [4, 100, 3],
  [4, 0, 0],
])('of %i failing targets with a share of %i%% at most %i are left out', (count, maxEjectedPercent, most) => {
  const { members, events, fail } = openFleet(count, { maxEjectedPercent });
  for (const member of members) fail(member);
  expect(events).toHaveLength(most);
});

test('new settings of a product keep what is known of its targets and their sessions', () => {
  const { fleet, product, members, fail } = openFleet(2);
  (members[0] as Member).tunnels = 5;
  fail(members[0]);
  const later = fleet.product('default', { ...plainPolicy, choose: 'least-connections' }, false);
  expect(later).toBe(product);
  expect(later.policy.choose).toBe('least-connections');
  expect(later.current[0]).toMatchObject({ tunnels: 5, ejections: 1 });
});

test('a target that was not ready gets clients again when nobody asks it any longer', () => {
  const { fleet, members } = openFleet(2);
  const [member] = members as [Member];
  fleet.product('default', { ...plainPolicy, check: '/readyz' }, false);
  member.notReady = '/readyz responds 503';
  fleet.product('default', plainPolicy, false);
  expect(member.weight(performance.now(), 0)).toBe(1);
});

test('a product is used once a client was led to one of its targets, or something has shown how one is, and stays so', () => {
  const listed = openFleet(2);
  expect(listed.product.isUsed).toBe(false);
  for (const show of [
    (member: Member) => member.picks++,
    (member: Member) => member.tunnels++,
    (member: Member) => {
      member.notReady = 'no';
    },
  ]) {
    const { product, members } = openFleet(2);
    show(members[1] as Member);
    expect(product.isUsed).toBe(true);
  }
  listed.fail(listed.members[0], 1);
  expect(listed.product.isUsed).toBe(true);
  const { product, members } = openFleet(1);
  const [member] = members as [Member];
  member.requests++;
  expect(product.isUsed).toBe(true);
  member.requests--;
  expect(product.isUsed).toBe(true);
});
