import type { IncomingMessage } from 'node:http';
import { failed, type Result, success } from '@gopush/contract';

/** How fast a body has to come. */
export interface Pace {
  /** From then on it counts, in milliseconds. */
  readonly afterMs: number;
  readonly bytesPerSecond: number;
}

const defaultPace: Pace = { afterMs: 10_000, bytesPerSecond: 1_024 };

/**
 * Reads the body of a request as JSON; nothing at all is `undefined`. Failures: `body_too_large`, `payload_invalid`, `client_gone`,
 * `request_timeout` for one that comes slower than 1 KiB a second after its first 10 s.
 *
 * @param maxBytes - a body is refused as soon as it is known to be larger; the rest is not read
 */
export function readBody(
  request: IncomingMessage,
  maxBytes: number,
  pace: Pace = defaultPace,
): Promise<Result<unknown>> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return Promise.resolve(failed('body_too_large'));
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const since = performance.now();
    const looks = setInterval(() => {
      const ms = performance.now() - since;
      if (ms < pace.afterMs || bytes >= (ms / 1_000) * pace.bytesPerSecond) return;
      request.pause();
      end(failed('request_timeout', `${bytes} bytes of a body in ${Math.round(ms)} ms`));
    }, pace.afterMs / 10).unref();
    const end = (result: Result<unknown>): void => {
      clearInterval(looks);
      resolve(result);
    };
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        request.pause();
        chunks.length = 0;
        end(failed('body_too_large'));
      } else chunks.push(chunk);
    });
    request.on('end', () => end(parse(Buffer.concat(chunks))));
    request.on('error', (error) => end(failed('client_gone', 'while sending the body', error)));
    request.on('close', () => end(failed('client_gone', 'while sending the body')));
  });
}

function parse(bytes: Buffer): Result<unknown> {
  if (bytes.length === 0) return success(undefined);
  try {
    return success(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch {
    return failed('payload_invalid', 'body: wanted JSON in UTF-8');
  }
}
