import type { Socket } from 'socket.io-client';
import { expect } from 'vitest';

/**
 * How long a test may wait before that is reported, in milliseconds: well below the time limit of tests, whose error does not say what a test
 * waited for.
 */
const slowMs = 30_000;

/** Writes what a test waits for, and where its client stands, if it is not there after half a minute. */
export function tellIfSlow<T>(waiting: Promise<T>, socket: Socket, what: () => string): Promise<T> {
  const { currentTestName } = expect.getState();
  let lastError = 'none';
  const onError = ({ message }: Error): void => {
    lastError = message;
  };
  socket.on('connect_error', onError);
  const timer = setTimeout(() => {
    if (expect.getState().currentTestName !== currentTestName) return;
    const { id, connected, active, recovered } = socket;
    const client = JSON.stringify({ id, connected, active, recovered, lastError });
    process.stdout.write(`still waiting in "${currentTestName}": ${what()}; client ${client}\n`);
  }, slowMs).unref();
  return waiting.finally(() => {
    clearTimeout(timer);
    socket.off('connect_error', onError);
  });
}
