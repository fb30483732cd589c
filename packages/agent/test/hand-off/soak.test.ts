import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import { readState, untilMetric } from '../support/admin.ts';
import { patiently } from '../support/wire.ts';
import { openSocket, startHandingAgent } from './support/handing-agent.ts';
import { makeHandOffDir, startTakingEcho, type TakingTarget } from './support/taking-target.ts';

const rounds = process.env.GOPUSH_CHAOS === 'full' ? 200 : 6;
const perRound = 50;

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Connections of a port that one side has ended and the other has not closed: state 08 (`CLOSE_WAIT`). */
function halfClosed(port: number): number {
  const local = port.toString(16).toUpperCase().padStart(4, '0');
  const lines = readFileSync('/proc/net/tcp', 'latin1').split('\n');
  return lines.filter((line) => new RegExp(`^ *\\d+: [0-9A-F]{8}:${local} [0-9A-F:]+ 08 `).test(line)).length;
}

/** Both sides of one connection. */
interface Sides {
  readonly client: Socket;
  readonly socket: WebSocket;
  readonly target: Socket | undefined;
}

/** Ways in which a connection ends. */
const ends: readonly ((sides: Sides) => void)[] = [
  ({ socket }) => socket.close(),
  ({ socket }) => socket.terminate(),
  ({ client }) => void client.resetAndDestroy(),
  ({ target }) => void target?.destroy(),
  ({ target }) => void target?.resetAndDestroy(),
  ({ target }) => void target?.end(),
];

function sidesOf(socket: WebSocket, { taken }: TakingTarget): Sides {
  const { _socket: client } = socket as unknown as { readonly _socket: Socket };
  return { client, socket, target: taken.findLast((one) => one.socket.remotePort === client.localPort)?.socket };
}

test('whatever way connections end, no descriptor and no half-closed connection is left', {
  timeout: 600_000,
}, async () => {
  const dir = await makeHandOffDir();
  const target = await startTakingEcho(dir);
  const { agent } = await startHandingAgent({ default: target }, dir, { log: { requests: false } });
  const open = async (index: number): Promise<void> => {
    const { socket } = await openSocket(agent.url);
    socket.on('error', () => {});
    const closed = once(socket, 'close');
    ends[index % ends.length]?.(sidesOf(socket, target));
    await closed;
  };
  await open(0);
  await expect.poll(async () => (await readState(agent)).handedOff, patiently).toBe(0);
  await untilMetric(agent, 'connections', 0);
  const before = descriptors();
  for (let round = 0; round < rounds; round++) {
    await Promise.all(Array.from({ length: perRound }, (_, index) => open(index)));
  }
  await untilMetric(agent, 'handed_off_total', 1 + rounds * perRound);
  await untilMetric(agent, 'handed_off', 0);
  await untilMetric(agent, 'connections', 0);
  await expect.poll(() => halfClosed(agent.port), patiently).toBe(0);
  await expect.poll(descriptors, patiently).toBeLessThanOrEqual(before + 2);
  expect(target.taker.size).toBe(0);
  expect(target.faults).toEqual([]);
});
