import type { PresenceEvent } from '@gopush/contract';
import { expect, test } from 'vitest';
import { believing, startTestAgent } from '../support/gateway.ts';
import { describeNodes } from '../support/nodes.ts';
import { connectClient } from '../support/socket-io.ts';

describeNodes('presence of those whose session moves', (startNodes) => {
  test('a client whose push-server stays is one device after the move, is not seen leaving, and none once it leaves', async () => {
    const nodes = await startNodes();
    // Leases that do not run out: nothing is swept.
    const settings = { leaseMs: 60_000, presenceEvents: true };
    const admin = { admin: { serverPort: 0 } };
    const [one, two] = [await nodes.start(settings, {}, admin), await nodes.start(settings, {}, admin)];
    const ports = [one.port, two.port];
    const agent = await startTestAgent({ agent: believing, router: { default: { ip: '127.0.0.1', ports } } });
    const connect = (user: string) => connectClient(agent.url, 'websocket', { query: { user } });
    const [ann, bob] = [await connect('ann'), await connect('bob')];
    for (const client of [ann, bob]) await client.emitWithAck('go:join', 'lobby');
    const seen: PresenceEvent[] = [];
    bob.on('go:presence', (event: PresenceEvent) => {
      if (event.change === 'left') seen.push(event);
    });
    const from = one.io.of('/').sockets.has(ann.id as string) ? one : two;
    const drained = await fetch(`${from.adminUrl}/drain`, { method: 'PUT' });
    expect(drained.ok).toBe(true);
    const inLobby = async (): Promise<unknown> => {
      const [user, room] = [await one.push.presence.user('ann'), await one.push.presence.room('lobby')];
      return [user.ok && user.value.devices, room.ok && room.value.find(({ uid }) => uid === 'ann')?.devices];
    };
    await expect.poll(inLobby, { timeout: 10_000 }).toEqual([1, 1]);
    expect(ann.connected).toBe(true);
    expect(seen).toEqual([]);
    ann.disconnect();
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual([{ room: 'lobby', uid: 'ann', change: 'left' }]);
    await expect.poll(inLobby, { timeout: 10_000 }).toEqual([0, undefined]);
  });
});
