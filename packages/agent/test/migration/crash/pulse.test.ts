import { createTarget } from '@gopush/contract';
import { describe, expect, test } from 'vitest';
import { Pulse } from '../../../src/migration/crash/pulse.ts';
import type { TargetConnection } from '../../../src/proxy/http/target-connections.ts';
import type { Tunnel } from '../../../src/tunnel/tunnel.ts';

/** A tunnel of which all that counts is whether it can be probed. */
const tunnel = (canProbe: boolean): Tunnel => ({ migration: { probe: () => canProbe } }) as unknown as Tunnel;
const stays = (): boolean => false;
const hasLeft = (): boolean => true;

/** The pulse of a target that was heard at 0 and is silent since then. */
function createSilent(tunnels: readonly Tunnel[] = [tunnel(true)]): Pulse {
  const pulse = new Pulse(createTarget('127.0.0.1', 4000), 0);
  pulse.tunnels.push(...tunnels);
  return pulse;
}

describe('a silent target is doubted', () => {
  test('after 2 s where it was probed', () => {
    const pulse = createSilent();
    pulse.probe();
    expect([pulse.isDoubted(1_999), pulse.isDoubted(2_000)]).toEqual([false, true]);
  });

  test('after 5 s where it cannot be probed, and a client waits for it', () => {
    const pulse = createSilent([tunnel(false)]);
    pulse.probe();
    expect(pulse.isDoubted(5_000)).toBe(false);
    pulse.bytesSent = 10;
    expect([pulse.isDoubted(4_999), pulse.isDoubted(5_000)]).toEqual([false, true]);
    pulse.heard(6_000);
    expect(pulse.isDoubted(11_000)).toBe(false);
  });

  test('after 2 s where a request waits for it, although that cannot be probed', () => {
    const pulse = createSilent([]);
    expect(pulse.isDoubted(11_000)).toBe(false);
    pulse.requests.push({} as TargetConnection);
    expect([pulse.isDoubted(1_999), pulse.isDoubted(2_000)]).toEqual([false, true]);
  });
});

describe('a silent target is given up', () => {
  test('as unreachable after 3 s and two attempts in a row that failed', () => {
    const pulse = createSilent();
    pulse.tried(false);
    expect([pulse.isUnreached, pulse.cause(9_000, stays, 0)]).toEqual([true, undefined]);
    pulse.tried(undefined);
    pulse.tried(false);
    expect([pulse.cause(2_999, stays, 0), pulse.cause(3_000, stays, 0)]).toEqual([undefined, 'unreachable']);
    pulse.tried(true);
    pulse.tried(false);
    expect(pulse.cause(9_000, stays, 0)).toBeUndefined();
  });

  test('after 3 s where it has left its list, and later where it has not, but never without a probe', () => {
    const pulse = createSilent();
    expect(pulse.cause(60_000, hasLeft, 10_000)).toBeUndefined();
    pulse.probe();
    expect([pulse.cause(2_999, hasLeft, 10_000), pulse.cause(3_000, hasLeft, 10_000)]).toEqual([undefined, 'left']);
    expect([pulse.cause(9_999, stays, 10_000), pulse.cause(10_000, stays, 10_000)]).toEqual([undefined, 'silent']);
    expect(pulse.cause(60_000, stays, 0)).toBeUndefined();
  });

  test('not once it was heard', () => {
    const pulse = createSilent();
    pulse.probe();
    pulse.tried(false);
    pulse.tried(false);
    pulse.heard(5_000);
    expect([pulse.cause(60_000, hasLeft, 10_000), pulse.isUnreached]).toEqual([undefined, false]);
    expect([pulse.isFresh(8_000), pulse.isFresh(8_001)]).toEqual([true, false]);
  });

  test('nor where this process itself stood still', () => {
    const pulse = createSilent();
    pulse.probe();
    pulse.forgive(20_000);
    expect([pulse.silentMs(21_000), pulse.cause(21_000, hasLeft, 10_000)]).toEqual([1_000, undefined]);
  });
});

test('three of its tunnels are probed, past those that cannot be', () => {
  let probed = 0;
  const counted = { migration: { probe: () => ++probed > 0 } } as unknown as Tunnel;
  createSilent([tunnel(false), ...Array.from({ length: 10 }, () => counted)]).probe();
  expect(probed).toBe(3);
});
