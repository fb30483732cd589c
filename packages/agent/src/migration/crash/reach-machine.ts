import { connect } from 'node:net';
import type { Target } from '@gopush/contract';
import { afterReading } from '@gopush/service';
import { addressOf } from '../../target/connect-target.ts';

/** What connecting fails with when a machine does not respond. One that refuses the connection is up. */
const unreachable: ReadonlySet<string | undefined> = new Set(['EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ETIMEDOUT']);

/**
 * Whether the machine of a target responds to a connection, even if nothing listens there.
 *
 * @returns `undefined`: that cannot be found out
 */
export function reachMachine(target: Target, timeoutMs: number): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const socket = connect(addressOf(target));
    const end = (isReached: boolean | undefined): void => {
      socket.destroy();
      resolve(isReached);
    };
    // If this process had no CPU time, the response may be here already.
    socket.setTimeout(timeoutMs, () => afterReading(() => end(false)));
    socket.once('connect', () => end(true));
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ECONNREFUSED' || code === 'ECONNRESET') end(true);
      else end(unreachable.has(code) ? false : undefined);
    });
  });
}
