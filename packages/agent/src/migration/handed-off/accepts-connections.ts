import { connect } from 'node:net';
import type { Target } from '@gopush/contract';
import { addressOf } from '../../target/connect-target.ts';

/** Whether a target accepts a connection in time. */
export function acceptsConnections(target: Target, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(addressOf(target));
    const end = (isAccepted: boolean): void => {
      socket.destroy();
      resolve(isAccepted);
    };
    socket.setTimeout(timeoutMs, () => end(false));
    socket.once('connect', () => end(true));
    socket.on('error', () => end(false));
  });
}
