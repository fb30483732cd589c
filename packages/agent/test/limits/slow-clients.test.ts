import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { defineAgentApp } from '@gopush/contract';
import { expect, test } from 'vitest';
import { untilMetric, withAdmin } from '../support/admin.ts';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { openRaw, type RawClient, send } from '../support/client.ts';
import { startTarget } from '../support/target.ts';
import { openSilentReader, startSeeingTarget } from '../support/wire.ts';

const quick = { bodyTimeoutMs: 300, bodyBytesPerSecond: 1_000, sendTimeoutMs: 300 };
const post = (length: number) => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;

/** A target that reads what comes, and bears that it is truncated. */
const startReading = () => startTarget((request, response) => void request.resume().on('end', () => response.end()));

/** Sends a byte every so often until the connection is gone. @returns how many it took */
async function dribble({ socket }: RawClient, everyMs: number, most: number): Promise<number> {
  for (let count = 0; count < most; count++) {
    if (socket.closed || socket.destroyed) return count;
    socket.write('x');
    await delay(everyMs);
  }
  return most;
}

test('a body of a byte now and then is 408, and says nothing of its target', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startReading() }), { ...withAdmin, agent: quick });
  for (let round = 0; round < 4; round++) {
    const raw = await openRaw(agent.port, post(1_000_000));
    expect(await dribble(raw, 20, 200)).toBeLessThan(100);
    expect(raw.text()).toMatch(/^HTTP\/1\.1 408 [\s\S]*request_timeout[\s\S]*/);
    expect(raw.text()).toMatch(/connection: close/i);
  }
  await untilMetric(agent, 'failures_total{code="request_timeout"}', 4);
  expect((await send(agent.url)).status).toBe(200);
});

test('a body in chunks that stands still is 408 as well', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startReading() }), { agent: quick });
  const raw = await openRaw(agent.port, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel');
  expect(await raw.closed()).toMatch(/^HTTP\/1\.1 408 [\s\S]*request_timeout/);
});

test('a body that comes fast enough arrives, pauses included', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startTarget() }), {
    agent: { ...quick, bodyTimeoutMs: 1_000, bodyBytesPerSecond: 10 },
  });
  const raw = await openRaw(agent.port, post(60));
  for (let count = 0; count < 6; count++) {
    raw.socket.write('x'.repeat(10));
    await delay(300);
  }
  await raw.until(/^HTTP\/1\.1 200 [\s\S]*"body":"x{60}"/);
});

test('a body that its target does not read is not the client’s fault', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.pause();
    setTimeout(() => {
      socket.resume();
      socket.on('data', () => {}).write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    }, 1_200);
  });
  const agent = await startTestAgent(hooksTo({ default: target }), { agent: quick });
  const size = 30_000_000;
  const raw = await openRaw(agent.port, post(size));
  raw.socket.write(Buffer.alloc(size));
  await raw.until(/^HTTP\/1\.1 200 [\s\S]*ok$/);
});

test('what is left of a body after an early answer has to come as fast', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'));
  });
  const agent = await startTestAgent(hooksTo({ default: target }), { ...withAdmin, agent: quick });
  const raw = await openRaw(agent.port, `${post(1_000_000)}x`);
  await raw.until(/ok$/);
  expect(await dribble(raw, 20, 200)).toBeLessThan(100);
  await untilMetric(agent, 'failures_total{code="request_timeout"}', 1);
});

test('a body that a hook reads has to come as fast', async () => {
  const agent = await startTestAgent(
    {
      agent: defineAgentApp((app) => {
        app.use((request, response) => {
          request.resume().on('end', () => response.end());
        });
      }),
    },
    { agent: quick },
  );
  const raw = await openRaw(agent.port, post(1_000_000));
  expect(await dribble(raw, 20, 200)).toBeLessThan(100);
});

test('an answer that its client does not take is cut, whole at the agent or not', async () => {
  for (const size of [100_000_000, 6_000_000]) {
    const gone: Promise<unknown>[] = [];
    const target = await startTarget((request, response) => {
      gone.push(new Promise((resolve) => response.once('close', resolve)));
      request.resume();
      response.end(Buffer.alloc(size));
    });
    const agent = await startTestAgent(hooksTo({ default: target }), { ...withAdmin, agent: quick });
    const client = await openSilentReader(agent.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await untilMetric(agent, 'failures_total{code="client_too_slow"}', 1);
    await Promise.all(gone);
    client.destroy();
  }
});

test('an answer that its client takes slowly, but takes, goes on', async () => {
  const size = 20_000_000;
  const target = await startTarget((request, response) => {
    request.resume();
    response.end(Buffer.alloc(size));
  });
  const agent = await startTestAgent(hooksTo({ default: target }), { agent: quick });
  const client = await openSilentReader(agent.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  let bytes = 0;
  let pauses = 0;
  client.on('data', (chunk) => {
    bytes += chunk.length;
    if (bytes < (pauses + 1) * 3_000_000) return;
    pauses++;
    client.pause();
    setTimeout(() => client.resume(), 100);
  });
  client.resume();
  await once(client, 'end');
  expect(bytes).toBeGreaterThan(size);
});

test('an answer of which nothing waits may be quiet for as long as it likes', async () => {
  const target = await startSeeingTarget(({ socket, until }) => {
    until(/\r\n\r\n/).then(async () => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n');
      await delay(1_000);
      socket.write('3\r\ntwo\r\n0\r\n\r\n');
    });
  });
  const agent = await startTestAgent(hooksTo({ default: target }), { agent: quick });
  const raw = await openRaw(agent.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await raw.until(/two\r\n0\r\n\r\n$/);
});
