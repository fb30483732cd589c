import type { FailureCode, Target } from '@gopush/contract';
import { afterReading } from '@gopush/service';
import { connectFault, isOwnError } from '../target/connect-failure.ts';
import { connectTarget, readyEvent } from '../target/connect-target.ts';
import { reset } from '../target/shared-buffer-io.ts';

/** Bytes that no HTTP server takes for the beginning of a request: it responds with 400, or closes. */
const malformed = '\0\r\n\r\n';

/**
 * Probes a target with a request that no client has influenced: `OPTIONS *`, which asks about the server as a whole
 * (RFC 9110 section 9.3.7), or `GET` of a path. Any HTTP response will do. A server that is silent gets malformed bytes
 * next: a server that only accepts upgrades, and leaves other requests without a response, refuses these, while a
 * process that hangs does not.
 *
 * @param path - path for `GET`; `undefined`: `OPTIONS *`
 * @param timeoutMs - how long each of connecting, the response and the refusal may take, in milliseconds
 * @returns the failure; `undefined`: none; `unknown`: this machine lacks the resources to find out
 */
export function probe(
  target: Target,
  path: string | undefined,
  timeoutMs: number,
): Promise<FailureCode | 'unknown' | undefined> {
  return new Promise((resolve) => {
    const socket = connectTarget(target).unref();
    let stage: 'connecting' | 'asked' | 'provoked' = 'connecting';
    let text = '';
    let over = false;
    const end = (fault: FailureCode | 'unknown' | undefined): void => {
      over = true;
      clearTimeout(deadline);
      // Reset, because a target that hangs would keep what it has not read.
      if (fault === 'target_silent') reset(socket);
      else socket.destroy();
      resolve(fault);
    };
    const lost = (error?: NodeJS.ErrnoException): void => {
      if (over) return;
      if (isOwnError(error)) end('unknown');
      else if (stage === 'connecting') end(connectFault(target, error));
      else end(stage === 'provoked' ? undefined : 'target_reset');
    };
    const late = (): void => {
      if (stage === 'connecting') end('target_unreachable');
      else if (stage === 'provoked') end('target_silent');
      else {
        stage = 'provoked';
        deadline = setTimeout(onLate, timeoutMs).unref();
        socket.write(malformed, 'latin1');
      }
    };
    const onLate = (): void => {
      const then = stage;
      afterReading(() => {
        if (!over && stage === then) late();
      });
    };
    let deadline = setTimeout(onLate, timeoutMs).unref();
    socket
      .setEncoding('latin1')
      .once(readyEvent(socket), () => {
        stage = 'asked';
        clearTimeout(deadline);
        deadline = setTimeout(onLate, timeoutMs).unref();
        const line = path === undefined ? 'OPTIONS *' : `GET ${path}`;
        socket.write(
          `${line} HTTP/1.1\r\nhost: ${target.hostHeader ?? target.authority}\r\nconnection: close\r\n\r\n`,
          'latin1',
        );
      })
      .on('data', (chunk: string) => {
        text += chunk.slice(0, responseStart.length);
        if (stage === 'provoked' || text.startsWith(responseStart)) end(undefined);
        else if (!responseStart.startsWith(text)) end('target_bad_answer');
      })
      .on('error', lost)
      .once('end', () => lost());
  });
}

const responseStart = 'HTTP/1.';
