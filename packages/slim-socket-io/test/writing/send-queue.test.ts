import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import type { Connection } from '../../src/writing/connection.ts';
import { SendQueue } from '../../src/writing/send-queue.ts';

/** A connection as Engine.IO has it: packets wait in a list until they are flushed to the socket, and then the list is another one. */
function startQueue(limit: number) {
  const connection = { transport: { socket: { bufferedAmount: 0 } }, writeBuffer: [] as string[] };
  const heard: string[] = [];
  const queue = new SendQueue(connection as unknown as Connection, {
    limit,
    onMessage() {},
    onSlow: (_, isSlow) => heard.push(isSlow ? 'slow' : 'fast'),
    onFull: () => heard.push('full'),
    onFlood: () => heard.push('flood'),
  });
  return {
    connection,
    heard,
    queue,
    add(text: string) {
      connection.writeBuffer.push(text);
      queue.add(text, undefined);
    },
    flush() {
      connection.transport.socket.bufferedAmount += connection.writeBuffer.join('').length;
      connection.writeBuffer = [];
      queue.look();
    },
  };
}

test('what was flushed counts once, in the socket, whatever comes to wait next', () => {
  const { connection, queue, heard, add, flush } = startQueue(4_000);
  add('x'.repeat(2_500));
  expect(queue.bytes).toBeGreaterThanOrEqual(2_500);
  flush();
  expect(queue.bytes).toBe(2_500);
  // A ping, which is no message, is the first of the next list.
  connection.writeBuffer.push('2');
  add('y');
  expect(queue.bytes).toBeLessThan(2_700);
  expect(heard).toEqual(['slow']);
  connection.transport.socket.bufferedAmount = 0;
  flush();
  expect(heard).toEqual(['slow', 'fast']);
});

test('packets that were flushed are kept no longer', async () => {
  const { connection, queue, add } = startQueue(4_000);
  add('a packet');
  const list = new WeakRef(connection.writeBuffer);
  connection.writeBuffer = [];
  queue.flushed();
  await new Promise(setImmediate);
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  expect(list.deref()).toBeUndefined();
  expect(queue.bytes).toBe(0);
});

test('more than the limit is told once', () => {
  const { heard, add } = startQueue(1_000);
  for (let n = 0; n < 5; n++) add('x'.repeat(400));
  expect(heard).toEqual(['slow', 'full']);
});
