import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Result } from '@gopush/contract';
import { expect, onTestFinished, test } from 'vitest';
import { readBody } from '../../../src/api/request/read-body.ts';

const pace = { afterMs: 200, bytesPerSecond: 1_000 };

/** Sends a body bit by bit. @returns what became of it */
async function send(bit: string, times: number, everyMs: number): Promise<Result<unknown>> {
  const server = createServer();
  const result = new Promise<Result<unknown>>((resolve) => {
    server.on('request', (request) => resolve(readBody(request, 1_000_000, pace)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  onTestFinished(() => {
    socket.destroy();
    server.close();
  });
  socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${bit.length * times + 2}\r\n\r\n"`);
  let ended: Result<unknown> | undefined;
  void result.then((value) => {
    ended = value;
  });
  for (let sent = 0; sent < times && ended === undefined; sent++) {
    await delay(everyMs);
    socket.write(bit);
  }
  socket.write('"');
  return result;
}

test('a body that comes a byte at a time is given up', async () => {
  expect(await send('x', 1_000, 20)).toMatchObject({ ok: false, failure: { code: 'request_timeout' } });
});

test('a body that comes in its time is read, however long that is', async () => {
  expect(await send('x'.repeat(100), 25, 20)).toEqual({ ok: true, value: 'x'.repeat(2_500) });
});
