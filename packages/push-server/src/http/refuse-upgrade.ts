import type { Duplex } from 'node:stream';
import { type Failure, failures, messageOf } from '@gopush/contract';

/** As agents refuse upgrades: text, with the code in a header. */
export function refuseUpgrade(socket: Duplex, failure: Failure, headers: Readonly<Record<string, string>> = {}): void {
  const { code } = failure;
  const { upgrade: status, retry } = failures[code];
  const body = `${code}: ${messageOf(failure)}`;
  const lines = [
    `HTTP/1.1 ${status} ${code}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Gopush-Error: ${code}`,
    ...Object.entries({ ...(retry ? { 'retry-after': '1' } : {}), ...headers }).map(
      ([name, value]) => `${name}: ${value}`,
    ),
    'Connection: close',
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
