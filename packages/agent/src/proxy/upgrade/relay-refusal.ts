import type { Socket } from 'node:net';
import { responseHeaders } from '../../headers/response-headers.ts';
import { carryTo } from '../../target/shared-buffer-io.ts';
import { createResponseBody } from '../../wire/response-body.ts';
import type { BodyFraming, ResponseHead } from '../../wire/response-head.ts';
import { writeHead } from '../../wire/write-head.ts';
import type { UpgradeResponse } from './request-upgrade.ts';

/** How long a relayed response may stall, in milliseconds. */
const idleMs = 30_000;

/**
 * Relays the response of a target that does not upgrade: complete, without chunks, as the last of its connection.
 *
 * @param onFault - called with an error that a callback threw
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
  client.write(writeRefusal(head), 'latin1');
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

/** The same for a response that is complete already. One that is not cuts the client: half a response must not be taken for a whole one. */
export function relayWhole(
  head: ResponseHead,
  framing: BodyFraming | undefined,
  content: Buffer | undefined,
  client: Socket,
): void {
  const reader = createResponseBody(framing ?? { kind: 'close' });
  // Unread bytes would make the kernel reset the connection, and the client would lose the response.
  client.on('error', ignore).resume();
  client.write(writeRefusal(head), 'latin1');
  reader.read(content ?? noBytes, (part) => client.write(Buffer.from(part)));
  if (!reader.done && !(reader.endsWithConnection && reader.fault === undefined)) {
    client.destroy();
    return;
  }
  client.end(() => client.destroy());
  client.setTimeout(idleMs, () => client.destroy());
}

/** The head of a relayed response: the last one of its connection. */
function writeRefusal(head: ResponseHead): string {
  const connection = head.status === 426 ? 'Upgrade, close' : 'close';
  return writeHead(head.status, head.reason, [...responseHeaders(head, false), 'connection', connection]);
}

const noBytes = Buffer.alloc(0);

function ignore(): void {}
