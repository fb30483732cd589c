import type { FailureCode, Target } from '@gopush/contract';
import { afterReading } from '@gopush/service';
import { connectFault, isOwnError } from '../target/connect-failure.ts';
import { connectTarget, readyEvent } from '../target/connect-target.ts';

/**
 * Connects to a target, by TLS if the target has it.
 *
 * @returns the failure; `undefined`: none; `unknown`: this machine lacks the resources to find out
 */
export function knock(target: Target, timeoutMs: number): Promise<FailureCode | 'unknown' | undefined> {
  return new Promise((resolve) => {
    const socket = connectTarget(target);
    const end = (fault: FailureCode | 'unknown' | undefined): void => {
      socket.destroy();
      resolve(fault);
    };
    socket.setTimeout(timeoutMs, () => afterReading(() => end('target_unreachable')));
    socket
      .once(readyEvent(socket), () => end(undefined))
      .on('error', (error) => end(isOwnError(error) ? 'unknown' : connectFault(target, error)))
      .once('end', () => end('target_unreachable'));
  });
}
