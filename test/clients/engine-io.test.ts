import { describe, expect, test } from 'vitest';
import { bothKnow, expectSame, isReached, soon, spoken, talk, targets, tell } from '../support/both-ends.ts';
import { nextEvent } from '../support/socket-io.ts';

/** What a test touches of a connection, at the client and at the server. */
interface ClientEngine {
  readonly _pingInterval: number;
  _pingTimeout: number;
  _resetPingTimeout(): void;
  _sendPacket(type: string): void;
  once(event: 'ping', listener: () => void): void;
}
interface ServerEngine {
  pingIntervalTimer: NodeJS.Timeout | undefined;
  resetPingTimeout(): void;
}

/** Who falls silent, and what both ends then give as the reason. */
const silences = [
  { silent: 'client', client: 'transport close', server: 'ping timeout' },
  { silent: 'server', client: 'ping timeout', server: 'transport close' },
  { silent: 'network', client: 'ping timeout', server: 'ping timeout' },
] as const;

describe.each(Object.keys(targets))('%s is, straight and through an agent, the same', (target) => {
  test.each(['reset', 'answered by 400', 'never answered', 'cut after the handshake', 'held'] as const)(
    'where an upgrade to WebSocket is %s: clients stay and go on by polling',
    async (fate) => {
      const all = await tell(target, {}, async ({ io, open, tap, seen }) => {
        tap.fate = fate;
        if (fate === 'held') Object.assign(io.engine.opts, { upgradeTimeout: 200 });
        const client = open('upgrade');
        await nextEvent(client, 'connect');
        if (fate === 'held') {
          const [conn] = Object.values(
            (io.engine as unknown as { clients: Record<string, { upgrading: boolean }> }).clients,
          );
          await tap.upgraded();
          await expect.poll(() => conn?.upgrading, soon).toBe(false);
          tap.release();
        }
        if (fate !== 'never answered') {
          await expect.poll(() => seen.upgrades, soon).toEqual(['upgrade failed']);
        }
        await talk(io, client, seen);
        expect(client.io.engine.transport.name).toBe('polling');
        client.disconnect();
        await expect.poll(() => io.engine.clientsCount, soon).toBe(0);
      });
      expectSame(all, {
        client: ['connect', ...spoken, 'disconnect: io client disconnect'],
        server: ['connection', ...spoken, 'disconnect: client namespace disconnect'],
      });
    },
  );

  describe.each(['websocket', 'polling', 'upgrade'] as const)('by %s', (transport) => {
    const upgrade = transport === 'upgrade' ? ['upgrade'] : [];
    const times = { pingInterval: 200, pingTimeout: 25_000 };
    const hurried = 600;

    test('whoever falls silent is noticed in time, with the right reasons', async () => {
      await Promise.all(silences.map((one) => fallSilent(one)));
    });

    async function fallSilent({ silent, client, server }: (typeof silences)[number]): Promise<void> {
      const all = await tell(target, times, async ({ io, open, tap, seen }) => {
        const watched = open(transport);
        await nextEvent(watched, 'connect');
        await expect.poll(() => seen.upgrades, soon).toEqual(upgrade);
        await talk(io, watched, seen);
        const engine = watched.io.engine as unknown as ClientEngine;
        const [{ conn }] = [...io.of('/').sockets.values()] as unknown as [{ conn: ServerEngine }];
        expect({ pingInterval: engine._pingInterval, pingTimeout: engine._pingTimeout }).toEqual(times);
        if (silent === 'client') {
          engine._sendPacket = () => {};
          await new Promise<void>((resolve) => engine.once('ping', resolve));
          // Between two requests of long-polling it would not be told why.
          await isReached(io);
        }
        if (silent === 'server') {
          clearTimeout(conn.pingIntervalTimer);
          conn.pingIntervalTimer = undefined;
        }
        if (silent === 'network') tap.freeze();
        // From now on, a client that hears nothing gives up after a short time. Before, a pause of the machine would have ended the connection.
        if (silent !== 'client') {
          engine._pingTimeout = hurried;
          engine._resetPingTimeout();
        }
        if (silent !== 'server') {
          io.engine.opts.pingTimeout = hurried;
          conn.resetPingTimeout();
        }
        const at = performance.now();
        await bothKnow(seen);
        expect(performance.now() - at).toBeLessThan(5_000);
        expect(io.engine.clientsCount).toBe(0);
      });
      expectSame(all, {
        client: ['connect', ...spoken, `disconnect: ${client}`],
        server: ['connection', ...spoken, `disconnect: ${server}`],
      });
    }

    test.each(['the server', 'the client'])('%s ends the connection, and both ends know', async (who) => {
      const all = await tell(target, {}, async ({ io, open, seen }) => {
        const client = open(transport);
        await nextEvent(client, 'connect');
        await expect.poll(() => seen.upgrades, soon).toEqual(upgrade);
        if (who === 'the server') io.disconnectSockets(true);
        else client.io.engine.close();
        await bothKnow(seen);
        await expect.poll(() => io.engine.clientsCount, soon).toBe(0);
      });
      const [client, server] =
        who === 'the server'
          ? ['io server disconnect', 'server namespace disconnect']
          : ['forced close', 'transport close'];
      expectSame(all, {
        client: ['connect', `disconnect: ${client}`],
        server: ['connection', `disconnect: ${server}`],
      });
    });
  });

  test.each(['the server', 'the client'])('%s ends it in the middle of an upgrade, and nothing stays', async (who) => {
    const all = await tell(target, {}, async ({ io, open, tap, seen }) => {
      tap.fate = 'held';
      const client = open('upgrade');
      await Promise.all([nextEvent(client, 'connect'), tap.upgraded()]);
      await talk(io, client, seen);
      if (who === 'the server') io.disconnectSockets(true);
      else client.disconnect();
      await expect.poll(() => seen.server.at(-1), soon).toMatch(/^disconnect/);
      tap.release();
      await bothKnow(seen);
      await expect.poll(() => io.engine.clientsCount, soon).toBe(0);
    });
    const [client, server] =
      who === 'the server'
        ? ['io server disconnect', 'server namespace disconnect']
        : ['io client disconnect', 'client namespace disconnect'];
    expectSame(all, {
      client: ['connect', ...spoken, `disconnect: ${client}`],
      server: ['connection', ...spoken, `disconnect: ${server}`],
    });
  });
});
