import { createRequire } from 'node:module';
import type { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import type { WebSocketInternals } from '../../src/internals/private-names.ts';
import { joinChunks } from '../../src/reading/join-chunks.ts';

/** The `ws` of Engine.IO, with the bound that its servers have. */
const { Receiver } = createRequire(import.meta.resolve('engine.io'))('ws') as {
  readonly Receiver: new (options: object) => Writable;
};
const options = { isServer: true, maxPayload: 1_000_000, maxBufferedChunks: 262_144 };

function startReading() {
  const receiver = new Receiver(options) as Writable & { readonly _buffers: readonly Buffer[] };
  joinChunks({ _receiver: receiver } as unknown as WebSocketInternals);
  const seen: string[] = [];
  receiver.on('message', (data: Buffer) => seen.push(data.toString('latin1')));
  receiver.on('error', (error) => seen.push(error.message));
  let most = 0;
  return {
    seen,
    most: () => most,
    write(bytes: Buffer) {
      for (let at = 0; at < bytes.length; at++) {
        receiver.write(bytes.subarray(at, at + 1));
        most = Math.max(most, receiver._buffers.length);
      }
    },
  };
}

/** The header of a text frame of a client, whose mask is zeros. */
function headOf(length: number): Buffer {
  const head = Buffer.alloc(14);
  head[0] = 0x81;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

test('a frame that comes byte by byte is read whole, and few of its chunks are kept apart', () => {
  const { seen, most, write } = startReading();
  const text = 'one frame of a client '.repeat(13_000);
  write(Buffer.concat([headOf(text.length), Buffer.from(text)]));
  expect(seen.map(({ length }) => length)).toEqual([text.length]);
  expect(seen[0] === text).toBe(true);
  expect(most()).toBeLessThan(1_500);
  // The next frame begins anew.
  write(Buffer.concat([headOf(5), Buffer.from('hello')]));
  expect(seen[1]).toBe('hello');
});
