import { get } from 'node:http';
import type { FailureCode, Target } from '@gopush/contract';
import { afterReading } from '@gopush/service';
import { beforeRequest, connectFault, isOwnError } from '../target/connect-failure.ts';
import { connectTarget } from '../target/connect-target.ts';
import type { Fleet, Member } from './fleet.ts';
import { knock } from './knock.ts';

/**
 * Checks whether targets are ready, if their product has `check` set: by a connection, or by a path that responds with 2xx.
 *
 * A target that responds that it is not ready (as it drains) gets no new clients, and keeps the sessions it has. One
 * that cannot be reached is ejected
 * by the same rules as for failing requests.
 *
 * @returns stops checking
 */
export function startChecks(fleet: Fleet): () => void {
  const { checkIntervalMs, checkTimeoutMs } = fleet.health;
  const asking = new Set<Member>();
  const timer = setInterval(() => {
    for (const product of fleet.products.values()) {
      if (product.policy.check === 'none') continue;
      for (const member of product.inUse(performance.now())) {
        if (asking.has(member)) continue;
        asking.add(member);
        const done = (): void => void asking.delete(member);
        // It rejects if Node throws, as for a target that cannot be one.
        void ask(member).then(done, done);
      }
    }
  }, checkIntervalMs).unref();

  async function ask(member: Member): Promise<void> {
    const { check } = member.product.policy;
    const found =
      check === 'tcp'
        ? await knock(member.target, checkTimeoutMs)
        : await readiness(member.target, check, checkTimeoutMs);
    if (found === 'unknown') return;
    if (typeof found === 'string') {
      fleet.failed(member, found, member.product.current);
    } else {
      member.notReady = found?.notReady;
      // A connection does not clear a target that resets connections or keeps silent: only requests of clients do.
      if (member.lastFailure !== undefined && beforeRequest.has(member.lastFailure)) fleet.succeeded(member);
    }
  }
  return () => clearInterval(timer);
}

/** Whether a target is ready, or what is wrong; `unknown`: this machine cannot find out. */
function readiness(
  target: Target,
  path: string,
  timeoutMs: number,
): Promise<{ readonly notReady: string | undefined } | FailureCode | 'unknown'> {
  return new Promise((resolve) => {
    const headers = { host: target.hostHeader ?? target.authority };
    const createConnection = () => connectTarget(target);
    // As lenient as for the responses that clients get; only the status matters.
    const options = { path, headers, createConnection, timeout: timeoutMs, insecureHTTPParser: true };
    const request = get(options, (response) => {
      const { statusCode = 0 } = response;
      resolve({ notReady: statusCode >= 200 && statusCode < 300 ? undefined : `${path} responds ${statusCode}` });
      request.destroy();
    });
    request
      .on('timeout', () => afterReading(() => request.destroy(new Error('silent'))))
      .on('error', (error) => resolve(isOwnError(error) ? 'unknown' : connectFault(target, error)));
  });
}
