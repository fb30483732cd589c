import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import { type TakerFiles, takersIn } from '../../src/channel/folder.ts';
import { FrameReader, writeFrame } from '../../src/channel/frame-reader.ts';
import { ownHello, writeHello } from '../../src/channel/hello.ts';
import { messageTypes } from '../../src/channel/message-types.ts';
import { DescriptorSocket } from '../../src/system/descriptor-socket.ts';
import { type Libc, loadLibc } from '../../src/system/libc.ts';

/** A giver that speaks the protocol message by message. */
export interface FakeGiver {
  readonly libc: Libc;
  readonly socket: Socket;
  readonly descriptors: DescriptorSocket;
  /** Messages of the taker. */
  readonly told: { readonly type: number; readonly id: number; readonly payload: Buffer }[];
  isClosed(): boolean;
  send(type: number, id: number, ...parts: Buffer[]): void;
}

/** The sockets of the only taker in a folder. */
export function onlyTaker(dir: string): TakerFiles {
  const [files] = takersIn(dir);
  if (files === undefined) throw new Error('there is no taker');
  return files;
}

/** @param hello - instead of the right one */
export async function connectFakeGiver(dir: string, hello?: object): Promise<FakeGiver> {
  const libc = await loadLibc();
  if (typeof libc === 'string') throw new Error(libc);
  const files = onlyTaker(dir);
  const descriptors = DescriptorSocket.connect(libc, files.descriptors);
  const token = Buffer.alloc(16, 7);
  descriptors.sendBytes(token);
  const socket = connect(files.messages);
  await once(socket, 'connect');
  let closed = false;
  socket
    .on('error', () => {})
    .on('close', () => {
      closed = true;
    });
  const told: FakeGiver['told'] = [];
  const reader = new FrameReader();
  socket.on('data', (chunk) => {
    reader.read(chunk, (type, id, payload) => told.push({ type, id, payload: Buffer.from(payload) }));
  });
  onTestFinished(() => {
    socket.destroy();
    descriptors.close();
  });
  const send: FakeGiver['send'] = (type, id, ...parts) => void socket.write(writeFrame(type, id, ...parts));
  const right = ownHello('fake', { token: token.toString('hex') });
  send(messageTypes.hello, 0, writeHello({ ...right, ...hello }));
  await expect.poll(() => told.length).toBeGreaterThan(0);
  return { libc, socket, descriptors, told, isClosed: () => closed, send };
}
