import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { untilMetric } from '../support/admin.ts';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { makeCertificate, makeFolder } from '../support/certificate.ts';
import { handshakeBytes, openRaw, sampleAnswer } from '../support/client.ts';
import { goAway, startEchoTarget, startRawTarget, startTarget } from '../support/target.ts';
import { createSignal, startSeeingTarget } from '../support/wire.ts';

const once = { limits: { tunnelsPerUid: 1 }, admin: { agentPort: 0 } } as const;

test('a client that ends its side while its target thinks about the upgrade frees target and place at once', async () => {
  const target = await startSeeingTarget(({ socket, until }) => {
    socket.once('end', () => socket.end());
    until(/GET \/second/).then(
      () => socket.write(sampleAnswer),
      () => {},
    );
  });
  const agent = await startTestAgent(hooksTo({ default: target }), once);
  const coming = target.next();
  const first = await openRaw(agent.port, handshakeBytes('/first'));
  const { gone, until } = await coming;
  await until(/\r\n\r\n$/);
  first.socket.end();
  await gone;
  expect(await first.closed()).toBe('');
  await (await openRaw(agent.port, handshakeBytes('/second'))).until(/^HTTP\/1\.1 101 /);
  await untilMetric(agent, 'failures_total{code="client_gone"}', 1);
});

test('the same over TLS, and a client that goes on reading after its handshake is left alone', async () => {
  const target = await startSeeingTarget(({ socket, until }) => {
    socket.once('end', () => socket.end());
    until(/GET \/second/).then(
      () => socket.prependOnceListener('end', () => socket.end('last words')).write(sampleAnswer),
      () => {},
    );
  });
  const tls = await makeCertificate(await makeFolder(), 'agent');
  const agent = await startTestAgent(hooksTo({ default: target }), { ...once, agent: { tls } });
  const coming = target.next();
  const first = connectTls({ port: agent.port, rejectUnauthorized: false });
  first.on('error', () => {}).write(handshakeBytes('/first'));
  const { gone, until } = await coming;
  await until(/\r\n\r\n$/);
  first.end();
  await gone;
  const second = connectTls({ port: agent.port, rejectUnauthorized: false, allowHalfOpen: true } as ConnectionOptions);
  second.write(handshakeBytes('/second'));
  let text = '';
  for await (const chunk of second) {
    text += chunk;
    if (/101 [\s\S]*\r\n\r\n$/.test(text)) second.end();
  }
  expect(text).toMatch(/last words$/);
});

test('a client that ends its side with early bytes behind its handshake is noticed', async () => {
  const target = await startSeeingTarget(({ socket }) => socket.once('end', () => socket.end()));
  const agent = await startTestAgent(hooksTo({ default: target }));
  const coming = target.next();
  const raw = await openRaw(agent.port, `${handshakeBytes('/')}early`);
  const { gone } = await coming;
  raw.socket.write('more');
  raw.socket.end('and the end');
  await gone;
});

test.each(['the agent hook', 'the router'])(
  'a client that ends its side while %s thinks is not taken to a target',
  async (who) => {
    const asked = createSignal();
    const answer = createSignal();
    const think = async (): Promise<void> => {
      asked.resolve();
      await answer.promise;
    };
    const target = await startEchoTarget();
    const agent = await startTestAgent(
      {
        agent: async () => {
          if (who === 'the agent hook') await think();
          return 'ann';
        },
        router: {
          default: async () => {
            if (who === 'the router') await think();
            return target;
          },
        },
      },
      once,
    );
    const raw = await openRaw(agent.port, handshakeBytes('/'));
    await asked.promise;
    raw.socket.end();
    await raw.closed();
    answer.resolve();
    await untilMetric(agent, 'failures_total{code="client_gone"}', 1);
    expect(target.requests).toHaveLength(0);
  },
);

test('the place of a client that ends its side while a hook is asked again is free at once', async () => {
  const target = await startTarget();
  await goAway(target);
  let calls = 0;
  const again = createSignal();
  const agent = await startTestAgent(
    {
      agent: () => 'ann',
      router: {
        default: async ({ url }) => {
          if (url === '/second') return echo;
          if (++calls > 1) {
            again.resolve();
            await new Promise(() => {});
          }
          return target;
        },
      },
    },
    { ...once, hold: { timeoutMs: 20_000 } },
  );
  const echo = await startEchoTarget();
  const raw = await openRaw(agent.port, handshakeBytes('/first'));
  await again.promise;
  raw.socket.end();
  await raw.closed();
  await (await openRaw(agent.port, handshakeBytes('/second'))).until(/^HTTP\/1\.1 101 /);
});

test('a client that ends its side behind a request before still gets that response', async () => {
  const asked = createSignal();
  const answer = createSignal();
  const target = await startTarget(async (_request, response) => {
    asked.resolve();
    await answer.promise;
    response.end('first');
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, `GET / HTTP/1.1\r\nHost: gateway.test\r\n\r\n${handshakeBytes('/up')}`);
  raw.socket.allowHalfOpen = true;
  raw.socket.end();
  await asked.promise;
  answer.resolve();
  expect(await raw.closed()).toMatch(/\r\n\r\nfirst$/);
  expect(target.requests.map(({ url }) => url)).toEqual(['/']);
});

test('messages sent right behind a handshake are no end', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startEchoTarget() }));
  const socket = new WebSocket(agent.url);
  socket.on('upgrade', () => socket.once('open', () => socket.send('hello')));
  await new Promise<void>((resolve) => {
    socket.on('message', (data) => String(data) === 'hello' && resolve());
  });
  socket.terminate();
});

test.each(['/', '/socket.io/?EIO=4&transport=websocket'])(
  'nothing is done for a client that gave up before its handshake at %s was read',
  async (path) => {
    const asked: string[] = [];
    let connections = 0;
    const target = await startRawTarget(() => void connections++);
    const agentHook = ({ url }: { url?: string | undefined }): string => String(asked.push(url ?? ''));
    const hooks = { agent: agentHook, router: { default: target } };
    const agent = await startTestAgent(hooks, once);
    const client = await openRaw(agent.port);
    client.socket.end(handshakeBytes(path));
    await client.closed();
    await untilMetric(agent, 'failures_total{code="client_gone"}', 1);
    expect(asked).toEqual([]);
    expect(connections).toBe(0);
  },
);
