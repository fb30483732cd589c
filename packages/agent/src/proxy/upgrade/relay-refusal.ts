import type { Socket } from 'node:net';
import { responseHeaders } from '../../headers/response-headers.ts';
import { carryTo } from '../../target/carrier.ts';
import { createResponseBody } from '../../wire/response-body.ts';
import { writeHead } from '../../wire/write-head.ts';
import type { UpgradeResponse } from './request-upgrade.ts';

/** How long a relayed response may stall, in milliseconds. */
const idleMs = 30_000;

/**
 * Relays the response of a target that does not upgrade: complete, without chunks, as the last of its connection.
 *
 * @param onFault - called with what a callback threw
 */
export function relayRefusal(
  { socket, head, early, body }: UpgradeResponse,
  client: Socket,
  onFault: (error: unknown) => void,
): void {
  const reader = createResponseBody(body ?? { kind: 'close' });
  const finish = (whole: boolean): void => {
    socket.destroy();
    // The client must not take half a response for a whole one.
    if (!whole) client.destroy();
    else {
      client.end(() => client.destroy());
      // A client that never reads the rest must not keep its socket.
      client.setTimeout(idleMs, () => client.destroy());
    }
  };
  const receiver = {
    onChunk(chunk: Buffer, length: number): boolean {
      let more = true;
      reader.read(chunk.subarray(0, length), (content) => {
        more = client.write(Buffer.from(content)) && more;
      });
      if (!reader.done && reader.fault === undefined) return more;
      finish(reader.fault === undefined);
      return false;
    },
    onFault(error: unknown): void {
      onFault(error);
      finish(false);
    },
  };
  client.on('drain', () => socket.resume()).once('close', () => socket.destroy());
  socket.on('error', () => finish(false)).once('end', () => finish(reader.endsWithConnection));
  socket.setTimeout(idleMs, () => finish(false));
  client.write(
    writeHead(head.status, head.reason, [
      ...responseHeaders(head, false),
      'connection',
      head.status === 426 ? 'Upgrade, close' : 'close',
    ]),
    'latin1',
  );
  const isGone = socket.destroyed;
  if (reader.done) finish(true);
  else if (isGone && early.length > 0 && !receiver.onChunk(early, early.length)) return;
  else if (isGone) finish(false);
  else if (early.length === 0 || receiver.onChunk(early, early.length)) carryTo(socket, receiver);
  else if (!socket.destroyed) {
    carryTo(socket, receiver);
    socket.pause();
  }
}
