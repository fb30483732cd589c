import { setTimeout as delay } from 'node:timers/promises';
import type { FailureCode } from '@gopush/contract';
import type { Fleet, Member } from './fleet.ts';
import { probe } from './probe.ts';
import type { Recovery } from './recovery.ts';

/** Targets at which a request failed in a way that its client may have caused. */
export interface Suspects {
  /**
   * Has a target probed, unless that was done a moment ago. Only if the probe fails does it count as failing.
   *
   * @param among - the members of which only a share may be ejected
   */
  suspect(member: Member, among: readonly Member[]): void;
  close(): void;
}

/** Between two probes of a target, in milliseconds. */
const gapMs = 100;

/** For how long a target that was found alive is not probed again, in milliseconds. */
const restMs = 1_000;

/** Failures that a client can cause at a healthy target, by what it sends or omits: docs/decisions/0013-who-is-to-blame.md. */
export const doubtful: ReadonlySet<FailureCode> = new Set(['target_reset', 'target_bad_answer', 'target_silent']);

/** Opens the account of suspects. */
export function createSuspects(fleet: Fleet, recovery: Pick<Recovery, 'watch'>): Suspects {
  const { failures, checkTimeoutMs } = fleet.health;
  const resting = new WeakMap<Member, number>();
  let closed = false;

  async function investigate(member: Member, among: readonly Member[]): Promise<void> {
    const { successes } = member;
    const { check } = member.product.policy;
    const path = check.startsWith('/') ? check : undefined;
    for (let attempt = 0; attempt < failures; attempt++) {
      if (attempt > 0) await delay(gapMs, undefined, { ref: false });
      const fault = await probe(member.target, path, checkTimeoutMs);
      // It has served another client meanwhile.
      if (closed || fault === 'unknown' || member.successes > successes) return;
      if (fault === undefined) {
        fleet.succeeded(member);
        return;
      }
      fleet.failed(member, fault, among);
      if (member.isEjected(performance.now())) {
        recovery.watch(member);
        return;
      }
    }
  }

  return {
    suspect(member, among) {
      const now = performance.now();
      if (closed || member.isEjected(performance.now()) || (resting.get(member) ?? 0) > now) return;
      resting.set(member, Number.POSITIVE_INFINITY);
      const rest = (): void => void resting.set(member, performance.now() + restMs);
      void investigate(member, among).then(rest, rest);
    },
    close() {
      closed = true;
    },
  };
}
