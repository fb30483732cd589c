import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { ConfigInput, Hooks } from '@gopush/contract';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SessionMigration } from '../../src/migration/session-migration.ts';
import { startAgent } from '../../src/start/start-agent.ts';
import { Tunnel } from '../../src/tunnel/tunnel.ts';
import type { TunnelInfo } from '../../src/tunnel/tunnel-info.ts';
import { withAdmin } from '../support/admin.ts';
import { createMemoryLog, hooksTo } from '../support/agent.ts';
import { handshakeBytes, openRaw, sampleAnswer, send } from '../support/client.ts';
import { openPair } from '../support/pair.ts';
import { startRawTarget, startTarget } from '../support/target.ts';
import { createSignal, patiently, startSeeingTarget } from '../support/wire.ts';

const closeOf1012 = '\x88\x02\x03\xf4';
const resumableAnswer = (token: string, skip = ''): string =>
  sampleAnswer.replace(/\r\n\r\n$/, `\r\nx-gopush-resume: ${token}\r\n${skip}\r\n`);

interface Ends {
  readonly target: Socket;
  readonly client: Socket;
}
/** As a target asks for a session, and what a client says, with a mask of zero. */
const drainPing = Buffer.concat([Buffer.from([0x89, 12]), Buffer.from('gopush:drain')]);
const clientText = Buffer.concat([Buffer.from([0x81, 0x85, 0, 0, 0, 0]), Buffer.from('hello')]);

async function start(hooks: Hooks, config: ConfigInput = {}) {
  const { log, lines } = createMemoryLog();
  const agent = await startAgent({
    config: {
      agentPort: 0,
      hold: { timeoutMs: 0 },
      ...config,
      limits: { eventLoopDelayMs: 0 },
      agent: { host: '127.0.0.1', drainMs: 400, ...config.agent },
    },
    hooks,
    logger: log,
  });
  onTestFinished(() => agent.close());
  return { agent, tunnels: () => lines.filter(({ message }) => message === 'tunnel') };
}

describe('an agent that closes', () => {
  test('waits for a handshake that is under way, and closes the tunnel that comes of it', async () => {
    const target = await startSeeingTarget();
    const { agent, tunnels } = await start(hooksTo({ default: target }));
    const arrives = target.next();
    const client = await openRaw(agent.port, handshakeBytes('/'));
    const seen = await arrives;
    await seen.until(/\r\n\r\n/);
    const closing = agent.close().then(() => tunnels().length);
    seen.socket.once('end', () => seen.socket.end()).write(sampleAnswer, 'latin1');
    client.socket.once('end', () => client.socket.end());
    expect((await client.closed()).slice(-4)).toBe(closeOf1012);
    expect(await closing).toBe(1);
    await seen.gone;
  });

  test('cuts a handshake that its target does not answer, and lets go of the target', async () => {
    const target = await startSeeingTarget();
    const { agent } = await start(hooksTo({ default: target }));
    const arrives = target.next();
    const client = await openRaw(agent.port, handshakeBytes('/'));
    const seen = await arrives;
    seen.socket.once('end', () => seen.socket.end());
    await agent.close();
    expect(await client.closed()).toBe('');
    await seen.gone;
  });

  test.each(['agent', 'router'] as const)(
    'while the %s hook thinks: the client is cut, and what the hook says later opens nothing',
    async (which) => {
      const target = await startSeeingTarget();
      const called = createSignal();
      const answer = createSignal();
      const think = async () => {
        called.resolve();
        await answer.promise;
      };
      const { agent } = await start({
        agent: async () => {
          if (which === 'agent') await think();
          return 'ann';
        },
        router: {
          default: async () => {
            if (which === 'router') await think();
            return [target];
          },
        },
      });
      const client = await openRaw(agent.port, handshakeBytes('/'));
      await called.promise;
      await agent.close();
      await client.closed();
      answer.resolve();
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(target.connections).toEqual([]);
    },
  );

  test('while a name server does not answer: clients are cut, and nothing is opened later', async () => {
    const silent = createSocket('udp4').bind(0, '127.0.0.1');
    await once(silent, 'listening');
    onTestFinished(() => void silent.close());
    const asked = once(silent, 'message');
    const { agent } = await start(hooksTo({ default: { dns: 'target.test', port: 80 } }), {
      routing: { dnsServers: [`127.0.0.1:${silent.address().port}`] },
    });
    const upgrade = await openRaw(agent.port, handshakeBytes('/'));
    const request = await openRaw(agent.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await asked;
    const began = performance.now();
    await agent.close();
    expect(performance.now() - began).toBeLessThan(3_000);
    await Promise.all([upgrade.closed(), request.closed()]);
  });

  test('answers at once a client that waits for a target', async () => {
    const { agent } = await start(hooksTo({ default: [{ ip: '127.0.0.1', port: 1 }] }), {
      hold: { timeoutMs: 30_000 },
      agent: { drainMs: 30_000 },
      ...withAdmin,
    });
    const client = await openRaw(agent.port, handshakeBytes('/'));
    await expect
      .poll(async () => (await send(`${agent.adminUrl}/metrics`)).body, patiently)
      .toMatch(/^gopush_agent_held 1$/m);
    await agent.close();
    expect(await client.closed()).toMatch(/^HTTP\/1.1 503 [\s\S]*x-gopush-error: stopping/);
  });

  test('cuts an answer without an end, and a listener of a tunnel, when its time is over', async () => {
    const target = await startTarget((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
    });
    const { agent } = await start(hooksTo({ default: target }));
    const client = await openRaw(agent.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until(/data: 1/);
    await Promise.all([agent.close(), agent.close()]);
    await client.closed();
  });
});

describe('a tunnel', () => {
  test('that the agent closes is gone as soon as both sides have ended: the end of its target is read', async () => {
    const ended = createSignal();
    const target = await startRawTarget((socket) => {
      socket.once('data', () => socket.write(sampleAnswer, 'latin1'));
      // As much as fills what would wait to be read.
      socket.once('end', () => socket.end(Buffer.alloc(1_000_000)));
      socket.once('close', () => ended.resolve());
    });
    const { agent, tunnels } = await start(hooksTo({ default: target }), { agent: { tunnelMaxAgeMs: 1 } });
    const client = await openRaw(agent.port, handshakeBytes('/'));
    client.socket.once('end', () => client.socket.end());
    expect((await client.closed()).slice(-4)).toBe(closeOf1012);
    await ended.promise;
    await expect.poll(() => tunnels().length, { timeout: 10_000 }).toBe(1);
    expect(Number(tunnels()[0]?.fields.seconds)).toBeLessThan(5);
  });

  test.each([
    [
      'its target closes it after its client was stopped',
      {},
      ({ target, client }: Ends) => {
        target.write(drainPing);
        client.write(clientText);
        target.end(Buffer.from(closeOf1012, 'latin1'));
      },
    ],
    [
      'the agent closes it after its client was stopped',
      { agent: { tunnelMaxAgeMs: 1 } },
      ({ target, client }: Ends) => {
        target.write(drainPing);
        client.write(clientText);
      },
    ],
    [
      'no other target takes its session',
      { seamless: { holdMs: 100 } },
      ({ target, client }: Ends) => {
        target.resetAndDestroy();
        client.write(clientText);
      },
    ],
    [
      'its client says what only agents may',
      {},
      ({ client }: Ends) => {
        client.write(Buffer.concat([Buffer.from([0x8a, 0x8c, 0, 0, 0, 0]), Buffer.from('gopush:quiet')]));
        client.write(clientText);
      },
    ],
  ] as const)('is gone as soon as both sides have ended, where %s', async (_how, config, end) => {
    const target = await startSeeingTarget();
    const { agent, tunnels } = await start(hooksTo({ default: target }), config);
    const arrives = target.next();
    const client = await openRaw(agent.port, handshakeBytes('/'));
    const seen = await arrives;
    await seen.until(/\r\n\r\n/);
    seen.socket.once('end', () => seen.socket.end()).write(resumableAnswer('token'), 'latin1');
    await client.until(/\r\n\r\n/);
    // As a client does: it answers, and ends its side.
    client.socket.once('end', () => client.socket.end(clientText));
    end({ target: seen.socket, client: client.socket });
    await client.closed();
    await expect.poll(() => tunnels().length, { timeout: 10_000 }).toBe(1);
    expect(Number(tunnels()[0]?.fields.seconds)).toBeLessThan(6);
  });

  test('that is cut while its session waits for its turn is not revived when that comes', async () => {
    const targets = [await startSeeingTarget(), await startSeeingTarget()] as const;
    let live = [targets[0]];
    const { agent, tunnels } = await start(
      hooksTo({ default: () => live.map(({ ip, port }) => ({ ip, port })) }),
      // One a second goes, the others wait.
      { agent: { drainMs: 100 }, seamless: { movesPerSecond: 1 } },
    );
    for (let index = 0; index < 2; index++) {
      const arrives = targets[0].next();
      const client = await openRaw(agent.port, handshakeBytes('/'));
      const seen = await arrives;
      await seen.until(/\r\n\r\n/);
      seen.socket.write(resumableAnswer(`token${index}`), 'latin1');
      await client.until(/\r\n\r\n/);
    }
    live = [targets[1]];
    const arrives = targets[1].next();
    for (const { socket } of targets[0].connections) socket.resetAndDestroy();
    await (await arrives).until(/x-gopush-resume/);
    await agent.close();
    // Its turn would have come.
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(targets[1].connections).toHaveLength(1);
    expect(tunnels()).toHaveLength(2);
  });

  test('that is over takes no other target, and is told to be closed once', async () => {
    const [client, far] = await openPair();
    const [target, atTarget] = await openPair();
    const [next, atNext] = await openPair();
    const closed: Tunnel[] = [];
    const lost = createSignal<string>();
    const events = { onClosed: (one: Tunnel) => void closed.push(one), onHandedOver() {}, onFault() {} };
    const options = {
      token: 'token',
      request: { url: '/', path: '/', headers: '', key: '' },
      frameBytes: 1_000,
      events: { onTargetLost: (_migration: SessionMigration, cause: string) => lost.resolve(cause), onFrameCut() {} },
    };
    const parts = {
      client,
      target,
      info: {} as TunnelInfo,
      migration: (one: Tunnel) => new SessionMigration(one, options),
    };
    const tunnel = new Tunnel(parts, performance.now(), events);
    tunnel.start([], []);
    atTarget.end();
    expect(await lost.promise).toBe('crash');
    const gone = once(far, 'close');
    tunnel.destroy('client closed');
    await gone;
    await expect.poll(() => closed).toEqual([tunnel]);
    const refused = once(atNext, 'close');
    const arrival = { socket: next, early: Buffer.alloc(0), token: 'next', skip: 0 };
    expect((tunnel.migration as SessionMigration).arrive(arrival, () => {})).toBe(false);
    await refused;
    tunnel.destroy('cut');
    expect(closed).toEqual([tunnel]);
  });

  test('whose client had gone before it began is over at once', async () => {
    const [client] = await openPair();
    const [target, atTarget] = await openPair();
    const gone = once(client, 'close');
    client.destroy();
    await gone;
    const closed = createSignal<Tunnel>();
    const events = { onClosed: closed.resolve, onHandedOver() {}, onFault() {} };
    const tunnel = new Tunnel({ client, target, info: {} as TunnelInfo }, performance.now(), events);
    const ended = once(atTarget, 'close');
    tunnel.start([], []);
    expect(await closed.promise).toBe(tunnel);
    await ended;
  });
});
