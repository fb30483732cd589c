import { Socket } from 'node:net';
import type { Socket as Client } from 'socket.io-client';
import { expect, onTestFinished, test, vi } from 'vitest';
import { messageTypes } from '../../packages/hand-off/src/channel/message-types.ts';
import {
  expectUnnoticed,
  makeConfig,
  patiently,
  startProcess,
  startServer,
  startTalk,
  stateOf,
} from './support/deployment.ts';

const count = 12;

/** Whether bytes are a message of the agent in this process, by which a push-server has a connection. */
function isAccept(bytes: unknown): boolean {
  if (!Buffer.isBuffer(bytes) || bytes.length < 9) return false;
  return bytes.readUInt32LE(0) === bytes.length - 4 && bytes[4] === messageTypes.accept;
}

/** An event of which a client has sent the first half. */
interface HalfEvent {
  sendRest(): void;
  /** Resolves when it is acknowledged. */
  readonly acked: Promise<void>;
}

/** Sends an event and the first half of another one together. Resolves when both have been read. */
async function sendHalf({ io: { engine } }: Client): Promise<HalfEvent> {
  const { _socket: socket } = (engine.transport as unknown as { ws: { _socket: Socket } }).ws;
  const ackOf = (id: number): Promise<void> =>
    new Promise((resolve) => {
      engine.on('packet', ({ data }: { data?: unknown }) => {
        if (String(data).startsWith(`3${id}`)) resolve();
      });
    });
  const [first, acked] = [ackOf(777), ackOf(888)];
  const half = frameOf('42888["go:join","late"]');
  socket.write(Buffer.concat([frameOf('42777["go:join","soon"]'), half.subarray(0, 15)]));
  await first;
  return { sendRest: () => void socket.write(half.subarray(15)), acked };
}

/** A text in a frame of a client, masked with zeros. */
function frameOf(text: string): Buffer {
  return Buffer.concat([Buffer.of(0x81, 0x80 | text.length, 0, 0, 0, 0), Buffer.from(text)]);
}

test.each([
  ['', false],
  [', with the half of an event that each client has sent', true],
])(
  'a push-server that is killed before it has read which sessions it was given leaves them to the next one, unnoticed%s',
  {
    timeout: 60_000,
  },
  async (_, hasHalf) => {
    const config = await makeConfig();
    const speaker = await startServer(config, 'speaker');
    const [first, second] = [await startProcess(config), await startProcess(config)];
    const { agent, moves, clients, numbers } = await startTalk(config, [first, second], speaker, count);
    const halves = await Promise.all(hasHalf ? clients.map(({ client }) => sendHalf(client)) : []);
    let given = 0;
    const { write } = Socket.prototype;
    const spy = vi.spyOn(Socket.prototype, 'write').mockImplementation(function writes(
      this: Socket,
      ...how: unknown[]
    ) {
      if (isAccept(how[0])) {
        given++;
        second.child.kill('SIGSTOP');
      }
      return Reflect.apply(write, this, how) as boolean;
    });
    onTestFinished(() => spy.mockRestore());
    first.child.kill('SIGKILL');
    // All that it has responded to by then.
    await expect.poll(() => given > 0 && moves.length === given, patiently).toBe(true);
    spy.mockRestore();
    second.child.kill('SIGKILL');
    await startProcess({ ...config, serverPortStart: second.port });
    for (const half of halves) half.sendRest();
    await Promise.all(halves.map(({ acked }) => acked));
    await expectUnnoticed(clients, numbers.stop());
    // A client that was in the middle of a message has a tunnel.
    const { tunnels, handedOff } = await stateOf(agent);
    expect(tunnels + handedOff).toBe(count);
  },
);
