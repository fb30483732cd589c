import { get } from 'node:http';
import type { Target } from '@gopush/contract';
import { afterReading } from '../after-reading.ts';
import { isOwnError } from '../proxy/connect-failure.ts';
import type { Fleet, Member } from './fleet.ts';
import { knock } from './hold.ts';

/**
 * Asks targets whether they are ready, where their product wants that: by a connection, or by a path that answers 2xx.
 *
 * One that says it is not ready (as it drains) gets no new clients, and keeps the sessions it has; one that cannot be reached is left out
 * by the same rules as for failing requests.
 *
 * @returns stops asking
 */
export function startChecks(fleet: Fleet): () => void {
  const { checkIntervalMs, checkTimeoutMs } = fleet.health;
  const asking = new Set<Member>();
  const timer = setInterval(() => {
    for (const product of fleet.products.values()) {
      if (product.policy.check === 'none') continue;
      for (const member of product.inUse(Date.now())) {
        if (asking.has(member)) continue;
        asking.add(member);
        void ask(member).finally(() => asking.delete(member));
      }
    }
  }, checkIntervalMs).unref();

  async function ask(member: Member): Promise<void> {
    const { check } = member.product.policy;
    const answer =
      check === 'tcp'
        ? await knock(member.target, checkTimeoutMs)
        : await readiness(member.target, check, checkTimeoutMs);
    if (answer === undefined) return;
    if (answer === false) {
      fleet.failed(member, 'target_unreachable', member.product.current);
    } else {
      member.notReady = typeof answer === 'string' ? answer : undefined;
      // That it can be reached says nothing of one that resets or keeps silent: its clients find out.
      if (member.lastFailure === 'target_unreachable') fleet.succeeded(member);
    }
  }
  return () => clearInterval(timer);
}

/** Whether a target is ready: `true`, why not, `false` where it does not answer, or `undefined` where that cannot be found out. */
function readiness({ host, port }: Target, path: string, timeoutMs: number): Promise<boolean | string | undefined> {
  return new Promise((resolve) => {
    const request = get({ host, port, path, agent: false, timeout: timeoutMs }, (answer) => {
      const { statusCode = 0 } = answer;
      resolve(statusCode >= 200 && statusCode < 300 ? true : `${path} answers ${statusCode}`);
      request.destroy();
    });
    request
      .on('timeout', () => afterReading(() => request.destroy(new Error('silent'))))
      .on('error', (error) => resolve(isOwnError(error) ? undefined : false));
  });
}
