import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Channel } from '../../src/channel/channel.ts';
import { FrameReader } from '../../src/channel/frame-reader.ts';

/** A channel, how often it writes, and the types of the messages that come out of it. */
async function openChannel() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[peer]] = (await Promise.all([once(server, 'connection'), once(socket, 'connect')])) as [[Socket], unknown];
  onTestFinished(() => {
    for (const one of [socket, peer]) one.destroy();
    server.close();
  });
  const writes = vi.spyOn(socket, '_writeGeneric' as 'write');
  const told: number[] = [];
  const frames = new FrameReader();
  peer.on('data', (chunk) => void frames.read(chunk, (type) => told.push(type)));
  return { channel: new Channel(socket, { onMessage: () => true, onGone() {} }), writes, told };
}

test('all messages of a turn of the event loop leave in one write, also those of the work at its end', async () => {
  const { channel, writes, told } = await openChannel();
  channel.send(101, 1);
  channel.sendLast(() => {
    channel.send(103, 1);
    channel.send(104, 1);
    return 'done';
  });
  channel.send(102, 1);
  expect(writes).not.toHaveBeenCalled();
  await turn();
  expect(writes).toHaveBeenCalledTimes(1);
  await expect.poll(() => told).toEqual([101, 102, 103, 104]);
  await turn();
  channel.send(105, 1);
  await turn();
  expect(writes).toHaveBeenCalledTimes(2);
});

test('a turn that writes at once has later messages written at its end', async () => {
  const { channel, writes, told } = await openChannel();
  channel.send(101, 1);
  channel.flush();
  channel.send(102, 1);
  await turn();
  expect(writes).toHaveBeenCalledTimes(2);
  await expect.poll(() => told).toEqual([101, 102]);
});

test('the work at the end of a turn is done once, also where it is all there is to do, and once more if it asks for that', async () => {
  const { channel, writes, told } = await openChannel();
  const work = vi.fn((): 'again' | 'done' => {
    channel.send(101, 1);
    return work.mock.calls.length === 1 ? 'again' : 'done';
  });
  channel.sendLast(work);
  for (let index = 0; index < 4; index++) await turn();
  expect(work).toHaveBeenCalledTimes(2);
  expect(writes).toHaveBeenCalledTimes(2);
  await expect.poll(() => told).toEqual([101, 101]);
});
