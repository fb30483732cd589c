import type { IncomingMessage } from 'node:http';
import { failed, type Result, success } from '@gopush/contract';

/**
 * Reads the body of a request as JSON; nothing at all is `undefined`. Failures: `body_too_large`, `payload_invalid`, `client_gone`.
 *
 * @param maxBytes - a body is refused as soon as it is known to be larger; the rest is not read
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Result<unknown>> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return Promise.resolve(failed('body_too_large'));
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        request.pause();
        chunks.length = 0;
        resolve(failed('body_too_large'));
      } else chunks.push(chunk);
    });
    request.on('end', () => resolve(parse(Buffer.concat(chunks))));
    request.on('error', (error) => resolve(failed('client_gone', 'while it sent its body', error)));
    request.on('close', () => resolve(failed('client_gone', 'while it sent its body')));
  });
}

function parse(bytes: Buffer): Result<unknown> {
  if (bytes.length === 0) return success(undefined);
  try {
    return success(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch {
    return failed('payload_invalid', 'body: this is not JSON in UTF-8');
  }
}
