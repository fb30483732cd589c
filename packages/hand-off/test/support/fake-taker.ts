import { createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { filesOf } from '../../src/channel/folder.ts';
import { FrameReader, writeFrame } from '../../src/channel/frame-reader.ts';
import { type Hello, ownHello, writeHello } from '../../src/channel/hello.ts';
import { messageTypes as types } from '../../src/channel/message-types.ts';
import { writeResponse } from '../../src/channel/messages.ts';
import { noSlot } from '../../src/notes/layout.ts';
import { DescriptorSocket } from '../../src/system/descriptor-socket.ts';
import { loadLibc } from '../../src/system/libc.ts';
import { createMemoryFile } from '../../src/system/shared-memory.ts';

/** A taker that speaks the protocol message by message. It takes all that it is offered, and does nothing with it. */
export interface FakeTaker {
  /** Messages of givers. */
  readonly told: { readonly type: number; readonly id: number; readonly payload: Buffer }[];
  /** How many givers have connected. */
  readonly connections: () => number;
  send(type: number, id: number, ...parts: Buffer[]): void;
  /** Sends a descriptor to the giver that has connected last. */
  sendDescriptor(tag: number, descriptor: number): void;
  close(): void;
}

const upgrade = Buffer.from('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n');

/** @param hello - instead of the right one; `respondsNever`: to offers only the test responds */
export async function openFakeTaker(
  dir: string,
  port: number,
  { respondsNever = false, ...hello }: Partial<Hello> & { readonly respondsNever?: boolean } = {},
): Promise<FakeTaker> {
  const libc = await loadLibc();
  if (typeof libc === 'string') throw new Error(libc);
  const files = filesOf(dir, port, 'fa4e0000');
  const descriptors = DescriptorSocket.listen(libc, files.descriptors);
  const notes = createMemoryFile(libc, 'fake-notes');
  const told: FakeTaker['told'] = [];
  let connections = 0;
  let giver: Socket | undefined;
  let channel: DescriptorSocket | undefined;
  const send: FakeTaker['send'] = (type, id, ...parts) => void giver?.write(writeFrame(type, id, ...parts));
  const server = createServer((socket) => {
    connections++;
    giver = socket;
    socket.on('error', () => {});
    const frames = new FrameReader();
    const greet = (): void => {
      channel?.close();
      channel = descriptors.accept();
      channel?.receive();
      channel?.send([0], [notes]);
      send(types.welcome, 0, writeHello({ ...ownHello('fake', { slots: 0 }), ...hello }));
    };
    socket.on('data', (chunk) =>
      frames.read(chunk, (type, id, payload) => {
        told.push({ type, id, payload: Buffer.from(payload) });
        if (type === types.hello) greet();
        if (type === types.ping) send(types.pong, 0);
        if (type === types.offer && !respondsNever)
          send(types.response, id, ...writeResponse({ ...noSlot, head: upgrade, body: undefined }));
      }),
    );
  }).listen(files.messages);
  let isClosed = false;
  const close = (): void => {
    if (isClosed) return;
    isClosed = true;
    giver?.destroy();
    channel?.close();
    descriptors.close();
    server.close();
    libc.close(notes);
  };
  onTestFinished(close);
  return {
    told,
    connections: () => connections,
    send,
    sendDescriptor: (tag, descriptor) => void channel?.send([tag], [descriptor]),
    close,
  };
}
