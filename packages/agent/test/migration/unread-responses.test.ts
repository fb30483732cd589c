import { once } from 'node:events';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { frame } from '../support/frames.ts';
import { drain, startSession } from './support/session.ts';

test('a target that asks again and again, and reads nothing, has no responses waiting for it', async () => {
  const { client, old } = await startSession(0);
  old.socket.pause();
  const asks = Buffer.concat(Array.from({ length: 10_000 }, () => drain));
  for (let round = 0; round < 30; round++) {
    if (!old.socket.write(asks)) await once(old.socket, 'drain');
  }
  old.socket.write(frame('42["last"]'));
  await client.until(/"last"/);
  // More than the kernel takes was asked for.
  expect(waitingFor(old.socket)).toBeLessThan(64 * 1024);
});

/** How many bytes the agent, which is in this process, has for a target that does not read. */
function waitingFor({ localPort }: Socket): number {
  const handles = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles();
  const agents = handles.filter((handle) => handle instanceof Socket && handle.remotePort === localPort) as Socket[];
  return agents.reduce((sum, { writableLength }) => sum + writableLength, 0);
}
