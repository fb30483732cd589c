import { describe, expect, test } from 'vitest';
import { SessionMigration } from '../../src/migration/session-migration.ts';
import type { MigrationCause } from '../../src/migration/session-without-target.ts';
import { Tunnel } from '../../src/tunnel/tunnel.ts';
import type { TunnelInfo } from '../../src/tunnel/tunnel-info.ts';
import { follow } from '../support/client.ts';
import { frame } from '../support/frames.ts';
import { openPair } from '../support/pair.ts';

const drain = frame('gopush:drain', { opcode: 9 });
const fromClient = (text: string): Buffer => frame(text, { mask: true });
const closeOf = (code: number): string => `\x88\x02${String.fromCharCode(code >> 8, code & 0xff)}`;

/** A tunnel whose session can migrate, with the far ends of both its sides. */
async function openTunnel() {
  const [[client, farClient], [target, farTarget]] = await Promise.all([openPair(), openPair()]);
  const losses: MigrationCause[] = [];
  const cuts: SessionMigration[] = [];
  const options = {
    token: 'one',
    request: { url: '/', path: '/', headers: '', key: '' },
    frameBytes: 1_000,
    events: {
      onTargetLost: (_migration: SessionMigration, cause: MigrationCause) => void losses.push(cause),
      onFrameCut: (migration: SessionMigration) => void cuts.push(migration),
    },
  };
  const faults: unknown[] = [];
  const tunnel = new Tunnel(
    { client, target, info: {} as TunnelInfo, migration: (one) => new SessionMigration(one, options) },
    performance.now(),
    { onClosed() {}, onHandedOver() {}, onFault: (_tunnel, error) => void faults.push(error) },
  );
  tunnel.start([], []);
  const migration = tunnel.migration as SessionMigration;
  return {
    tunnel,
    migration,
    client: follow(farClient),
    target: follow(farTarget),
    losses,
    cuts,
    faults,
    /** The target asks for the client to be stopped, gives the session, and ends. */
    async give() {
      farTarget.write(drain);
      await follow(farTarget).until(/gopush:quiet/);
      farTarget.end();
      await expect.poll(() => tunnel.isHeld).toBe(true);
    },
    /** Another target takes the session. */
    async arrive(skip: number, early: Buffer = Buffer.alloc(0)) {
      const [socket, far] = await openPair();
      const next = follow(far);
      let hasContinued = false;
      const taken = migration.arrive({ socket, early, token: 'two', skip }, () => {
        hasContinued = true;
      });
      return { next, taken, hasContinued: () => hasContinued };
    },
  };
}

test('a session that its target gives goes to the next one, which hears first that it was chosen', async () => {
  const { migration, client, give, arrive, losses, tunnel } = await openTunnel();
  await give();
  expect([losses, migration.isHeld, migration.isClientStopped]).toEqual([['planned'], true, true]);
  client.socket.write(fromClient('42["while held"]'));
  const { next, taken, hasContinued } = await arrive(1);
  expect([taken, hasContinued(), migration.token, tunnel.migrations]).toEqual([true, false, 'two', 1]);
  next.socket.write(frame('0{}'));
  await next.until(/^.{6}gopush:going[\s\S]*while held/);
  expect(hasContinued()).toBe(true);
  next.socket.write(frame('42["on"]'));
  await client.until(/"on"/);
  expect(client.text()).toBe(frame('42["on"]').toString('latin1'));
});

test('a target that sends nothing of its own first has the session at once', async () => {
  const { give, arrive, client } = await openTunnel();
  await give();
  const { next, hasContinued } = await arrive(0, frame('42["early"]'));
  expect(hasContinued()).toBe(true);
  await next.until(/gopush:going/);
  await client.until(/early/);
});

test('the end of a target that was not asked for is a crash', async () => {
  const { losses, target, tunnel } = await openTunnel();
  target.socket.resetAndDestroy();
  await expect.poll(() => tunnel.isHeld).toBe(true);
  expect(losses).toEqual(['crash']);
});

test('a target that ends within a frame takes its client along, which is reported once', async () => {
  const { losses, cuts, target, client, migration } = await openTunnel();
  target.socket.end(frame('42["half of it"]').subarray(0, 8));
  await client.closed();
  expect([losses, cuts]).toEqual([[], [migration]]);
});

describe('a target that asked for the client to be stopped', () => {
  test('and does not give the session within 15 s has it on', async () => {
    const { migration, client, target } = await openTunnel();
    target.socket.write(drain);
    await target.until(/gopush:quiet/);
    client.socket.write(fromClient('42["later"]'));
    const now = performance.now();
    migration.sweep(now + 14_000);
    expect(migration.isClientStopped).toBe(true);
    migration.sweep(now + 16_000);
    expect(migration.isClientStopped).toBe(false);
    await target.until(/later/);
    expect(target.text()).not.toMatch(/gopush:going/);
  });

  test('while it took the session gets first what the client had begun', async () => {
    const { give, arrive, client, target } = await openTunnel();
    client.socket.write(frame('42["begun', { mask: true, fin: false }));
    await target.until(/begun/);
    await give();
    const { next } = await arrive(1);
    next.socket.write(Buffer.concat([drain, frame('0{}')]));
    await next.until(/gopush:going[\s\S]*begun[\s\S]*gopush:quiet/);
  });

  test('and died before it continued says nothing for the next one', async () => {
    const { give, arrive, migration, tunnel } = await openTunnel();
    await give();
    const first = await arrive(1);
    first.next.socket.write(drain);
    // So that the ping has come before the end.
    await expect.poll(() => tunnel.target.bytes).toBe(drain.length);
    first.next.socket.resetAndDestroy();
    await expect.poll(() => migration.isHeld).toBe(true);
    const { next } = await arrive(0);
    await next.until(/gopush:going/);
    expect(migration.isClientStopped).toBe(false);
  });
});

test('a target that took the session and does not send its openings within 15 s closes the client with 1012', async () => {
  const { give, arrive, migration, client } = await openTunnel();
  await give();
  await arrive(2);
  migration.sweep(performance.now() + 16_000);
  expect((await client.closed()).slice(-4)).toBe(closeOf(1012));
});

test('so does one whose openings have no end', async () => {
  const { give, arrive, client } = await openTunnel();
  await give();
  const { next } = await arrive(1);
  next.socket.write(frame('x'.repeat(100_000)));
  expect((await client.closed()).slice(-4)).toBe(closeOf(1012));
});

describe('a silent target', () => {
  test('is probed past the client; its pong does not reach it, one that nobody asked for does', async () => {
    const { migration, client, target } = await openTunnel();
    expect(migration.probe()).toBe(true);
    await target.until(/gopush:alive/);
    const pong = frame('gopush:alive', { opcode: 10 });
    target.socket.write(Buffer.concat([pong, frame('42["a"]'), pong]));
    await client.until(/gopush:alive/);
    expect(client.text()).toBe(Buffer.concat([frame('42["a"]'), pong]).toString('latin1'));
  });

  test('that is given up keeps its connection until another one continues, and is heard no more', async () => {
    const { tunnel, target, client, arrive, losses, migration } = await openTunnel();
    tunnel.giveUpTarget();
    expect([losses, migration.isHeld, tunnel.target.socket.destroyed]).toEqual([['crash'], true, false]);
    const former = tunnel.target.socket;
    // Of what comes all the same nothing reaches the client, which is given it by the next one.
    const late = frame('42["from the dead"]');
    expect(tunnel.target.onChunk(late, late.length)).toBe(false);
    const ended = target.closed();
    // The next one dies before it continues, and so another one has to.
    const first = await arrive(1);
    first.next.socket.resetAndDestroy();
    await expect.poll(() => migration.isHeld).toBe(true);
    expect(former.destroyed).toBe(false);
    const { next } = await arrive(0);
    await next.until(/gopush:going/);
    await ended;
    next.socket.write(frame('42["on"]'));
    await client.until(/"on"/);
    expect(client.text()).not.toMatch(/dead/);
  });

  test('is not probed while the client waits for another one', async () => {
    const { tunnel, migration } = await openTunnel();
    tunnel.giveUpTarget();
    expect(migration.probe()).toBe(false);
  });
});

test('a rebalance asks once: not while the session is given or held, nor when it is over', async () => {
  const { migration, tunnel, target } = await openTunnel();
  expect([migration.migrate(performance.now()), migration.isPaced]).toEqual([true, true]);
  await target.until(/gopush:quiet/);
  expect(migration.migrate(performance.now())).toBe(false);
  target.socket.end();
  await expect.poll(() => tunnel.isHeld).toBe(true);
  expect(migration.migrate(performance.now())).toBe(false);
  tunnel.destroy('cut');
});

test('a client that sends the pong of agents while it is stopped is closed with 1008 before it reaches a target', async () => {
  const { give, arrive, client, migration } = await openTunnel();
  await give();
  // Read before it was stopped.
  const forged = frame('gopush:quiet', { opcode: 10, mask: true });
  migration.fromClient(forged, forged.length);
  const { next, hasContinued } = await arrive(0);
  expect((await client.closed()).slice(-4)).toBe(closeOf(1008));
  expect([hasContinued(), next.text()]).toEqual([false, '']);
});

test('a session over which a target is to be had comes too late', async () => {
  const { give, arrive, tunnel } = await openTunnel();
  await give();
  tunnel.destroy('cut');
  const { taken, next } = await arrive(0);
  expect(taken).toBe(false);
  await next.closed();
});
