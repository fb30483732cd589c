import { Socket } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { messageTypes } from '../../packages/hand-off/src/channel/message-types.ts';
import {
  expectUnnoticed,
  hooksTo,
  joinAll,
  makeConfig,
  patiently,
  publish,
  startHandingAgent,
  startProcess,
  startServer,
  stateOf,
} from './support/deployment.ts';

const count = 12;

/** Whether bytes are a message of the agent in this process, by which a push-server has a connection. */
function isAccept(bytes: unknown): boolean {
  if (!Buffer.isBuffer(bytes) || bytes.length < 9) return false;
  return bytes.readUInt32LE(0) === bytes.length - 4 && bytes[4] === messageTypes.accept;
}

test('a push-server that is killed before it has read which sessions it was given leaves them to the next one, unnoticed', {
  timeout: 60_000,
}, async () => {
  const config = await makeConfig();
  const speaker = await startServer(config, 'speaker');
  const [first, second] = [await startProcess(config), await startProcess(config)];
  const { agent, moves } = await startHandingAgent(config, hooksTo(first, second), 2);
  const clients = await joinAll(agent, count);
  const numbers = publish(speaker);
  await expect.poll(() => clients.every((client) => client.numbers.length > 20), patiently).toBe(true);
  let given = 0;
  const { write } = Socket.prototype;
  const spy = vi.spyOn(Socket.prototype, 'write').mockImplementation(function writes(this: Socket, ...how: unknown[]) {
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
  await expectUnnoticed(clients, numbers.stop());
  // A client that was in the middle of a message has a tunnel.
  const { tunnels, handedOff } = await stateOf(agent);
  expect(tunnels + handedOff).toBe(count);
});
