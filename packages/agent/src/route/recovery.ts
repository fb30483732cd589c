import { setTimeout as delay } from 'node:timers/promises';
import type { FailureCode, Target } from '@gopush/contract';
import { beforeRequest } from '../target/connect-failure.ts';
import type { Fleet, Member } from './fleet.ts';
import { knock } from './knock.ts';
import { probe } from './probe.ts';

/** Ejected members that get clients again as soon as they respond. */
export interface Recovery {
  /** Probes an ejected member until it responds, or its ejection is over. */
  watch(member: Member): void;
  /**
   * A target is silent, or its machine cannot be reached, as is known without requests of clients. It gets no clients until it responds, for at
   * most `health.maxEjectMs`; or if it could not be connected to, until it can.
   *
   * @param replaced - those of its members whose product has another target that is up; any others are only ejected if another one gets clients
   */
  giveUp(target: Target, code: FailureCode, replaced: ReadonlySet<Member>): void;
  /** Whether a member is ejected because it does not respond, so that it says nothing that it can be connected to. */
  isSilent(member: Member): boolean;
  close(): void;
}

/** Between two probes of a member, in milliseconds. */
const gapMs = 1_000;

/**
 * Opens the probes of ejected members.
 *
 * @param connectTimeoutMs - how long connecting may take, as for clients
 */
export function createRecovery(fleet: Fleet, connectTimeoutMs: number): Recovery {
  const { maxEjectMs, checkTimeoutMs } = fleet.health;
  const watched = new Set<Member>();
  /** Members that could not be connected to. */
  const unreached = new WeakSet<Member>();
  /** Until the next attempt to connect is over. */
  const untilNextMs = 2 * gapMs + connectTimeoutMs;
  let closed = false;

  async function watchOver(member: Member): Promise<void> {
    for (;;) {
      await delay(gapMs, undefined, { ref: false });
      if (closed || !member.isEjected(performance.now())) return;
      const fault = await look(member);
      if (closed) return;
      if (fault === undefined) {
        fleet.found(member);
        return;
      }
      // Each client would wait as long for it.
      if (unreached.has(member) && fault !== 'unknown' && hasOther(member)) {
        member.ejectedUntil = Math.max(member.ejectedUntil, performance.now() + untilNextMs);
      }
    }
  }

  function look({ target, product, lastFailure }: Member): Promise<FailureCode | 'unknown' | undefined> {
    if (lastFailure !== undefined && beforeRequest.has(lastFailure)) return knock(target, connectTimeoutMs);
    const { check } = product.policy;
    return probe(target, check.startsWith('/') ? check : undefined, checkTimeoutMs);
  }

  function watch(member: Member): void {
    if (watched.has(member)) return;
    watched.add(member);
    const done = (): void => {
      watched.delete(member);
      unreached.delete(member);
    };
    void watchOver(member).then(done, done);
  }

  return {
    watch,
    giveUp({ name }, code, replaced) {
      for (const { members } of fleet.products.values()) {
        const member = members.get(name);
        if (member === undefined || !(replaced.has(member) || hasOther(member))) continue;
        const isUnreached = beforeRequest.has(code);
        if (isUnreached) unreached.add(member);
        fleet.eject(member, code, isUnreached ? Math.max(maxEjectMs, untilNextMs) : maxEjectMs);
        watch(member);
      }
    },
    isSilent: (member) => watched.has(member) && !unreached.has(member),
    close() {
      closed = true;
    },
  };
}

/** Whether another target of its product gets clients. */
function hasOther(member: Member): boolean {
  const now = performance.now();
  return member.product.inUse(now).some((other) => other !== member && !other.isEjected(now));
}
