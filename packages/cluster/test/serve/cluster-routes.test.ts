import { once } from 'node:events';
import { get } from 'node:http';
import { connect } from 'node:net';
import { createMetrics, silentLogger, startAdmin } from '@gopush/service';
import { expect, onTestFinished, test } from 'vitest';
import { createClusterRoutes } from '../../src/serve/cluster-routes.ts';
import type { RouterFacts } from '../../src/summary/router-state.ts';
import { ClusterView } from '../../src/view/cluster-view.ts';
import { MemorySummaries, storeOf, summaryOf } from '../support/summaries.ts';

const keys = ['ann', 'none'].map((name) => ({ name, key: `a-key-of-these-tests-alone-for-${name}` }));
const withKeyOf = (name: string) => ({ authorization: `Bearer ${keys.find((key) => key.name === name)?.key}` });

async function serve({ shows = true } = {}) {
  const summaries = new MemorySummaries();
  const view = new ClusterView({ store: storeOf(summaries), id: 'own', name: 'agent-0' });
  const { routes, close } = createClusterRoutes(() => (shows ? view : undefined));
  const metrics = createMetrics('test_');
  const options = {
    host: '127.0.0.1',
    port: 0,
    checks: {},
    metrics,
    state: () => ({}),
    log: silentLogger,
    routes,
    keys,
  };
  const admin = await startAdmin(options);
  onTestFinished(async () => {
    close();
    await admin.close();
    metrics.close();
  });
  return { summaries, url: admin.url, close };
}

/** The states that a client of the live stream gets. */
async function listen(url: string, headers: Readonly<Record<string, string>> = {}) {
  const [response] = await once(get(`${url}/cluster/live`, { headers }), 'response');
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  onTestFinished(() => void response.destroy());
  const states = () => [...text.matchAll(/^event: state\ndata: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? ''));
  return { response, states, text: () => text };
}

test('the state and the history are JSON', async () => {
  const { summaries, url } = await serve();
  summaries.put(summaryOf('own'));
  const response = await fetch(`${url}/cluster`);
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(await response.json()).toMatchObject({ v: 1, by: 'agent-0', nodes: [{ id: 'own' }] });
  expect(await (await fetch(`${url}/cluster/history`)).json()).toMatchObject({ stepMs: 10_000 });
  expect((await fetch(`${url}/cluster`, { method: 'HEAD' })).status).toBe(200);
  expect((await fetch(`${url}/cluster`, { method: 'POST' })).status).toBe(404);
});

test('any node shows the router of an agent that is there, and says when there is none', async () => {
  const { summaries, url } = await serve();
  const router: RouterFacts = {
    routes: [],
    products: [
      {
        ...{ product: 'game', from: 'function', of: 'hooks/router.js', choose: 'hash', sticky: 'sid', public: true },
        targets: null,
      },
    ],
    leftOut: { routes: 0, products: 0 },
  };
  summaries.now = 100_000;
  summaries.put(summaryOf('own'));
  summaries.put(summaryOf('gone', { tier: 'agent', router: { ...router, products: [] } }), 1);
  summaries.put({ ...summaryOf('odd', { tier: 'agent' }), router: 7 as never });
  const before = await fetch(`${url}/cluster/routes`);
  expect([before.status, await before.text()]).toEqual([404, 'no agent is there that tells its routes\n']);
  summaries.put(summaryOf('agent', { tier: 'agent', router }));
  await expect.poll(async () => (await fetch(`${url}/cluster/routes`)).status).toBe(200);
  expect(await (await fetch(`${url}/cluster/routes`)).json()).toEqual({ v: 1, by: 'name of agent', ...router });
});

test('a node that shows no cluster says so, and one whose store has never been read says why', async () => {
  const off = await serve({ shows: false });
  for (const path of ['/cluster', '/cluster/history', '/cluster/live']) {
    const response = await fetch(off.url + path);
    expect([response.status, await response.text()]).toEqual([404, expect.stringContaining('admin.cluster')]);
  }
  const { summaries, url } = await serve();
  summaries.until = Promise.reject(new Error('Redis cannot be reached'));
  summaries.until.catch(() => {});
  const response = await fetch(`${url}/cluster`);
  expect([response.status, await response.text()]).toEqual([503, 'Redis cannot be reached\n']);
});

test('a live stream sends the state at once and each second, read once for all who listen', async () => {
  const { summaries, url } = await serve();
  summaries.put(summaryOf('own'));
  const streams = await Promise.all([listen(url), listen(url), listen(url)]);
  for (const { states } of streams) await expect.poll(() => states().length).toBeGreaterThan(2);
  expect(summaries.reads).toBeLessThan(streams[0]?.states().length ?? 0 + 3);
  for (const { response } of streams) response.destroy();
  await expect
    .poll(async () => {
      const { reads } = summaries;
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      return summaries.reads - reads;
    })
    .toBe(0);
});

test('a live stream tells when the store cannot be read, and goes on', async () => {
  const { summaries, url } = await serve();
  summaries.until = Promise.reject(new Error('away'));
  summaries.until.catch(() => {});
  const { states, text } = await listen(url);
  await expect.poll(text).toContain('event: problem\ndata: "away"\n\n');
  summaries.until = Promise.resolve();
  await expect.poll(() => states().length).toBeGreaterThan(0);
});

test('a client that does not read misses states, and no more than one waits for it', async () => {
  const { summaries, url } = await serve();
  const members = Array.from({ length: 12 }, (_, code) => ({ cause: 'x'.repeat(190) + code, count: 1 }));
  for (let node = 0; node < 200; node++) {
    summaries.put(summaryOf(`n${node}`, { why: 'y'.repeat(200), refusals: members, name: 'z'.repeat(200) }));
  }
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  socket.pause();
  socket.write('GET /cluster/live HTTP/1.1\r\nHost: a\r\n\r\n');
  const reader = await listen(url);
  const before = process.memoryUsage().arrayBuffers;
  await expect.poll(() => reader.states().length, { timeout: 30_000 }).toBeGreaterThan(8);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1_048_576);
  let received = 0;
  socket.on('data', (chunk) => {
    received += chunk.length;
  });
  socket.resume();
  await expect.poll(() => received).toBeGreaterThan(0);
});

test('streams end when the node ends, and too many are refused', async () => {
  const { summaries, url, close } = await serve();
  summaries.put(summaryOf('own'));
  const streams = await Promise.all(Array.from({ length: 50 }, () => listen(url)));
  const refused = await fetch(`${url}/cluster/live`);
  expect([refused.status, await refused.text()]).toEqual([503, 'too many clients listen already\n']);
  const ended = Promise.all(streams.map(({ response }) => once(response, 'end')));
  close();
  await ended;
});

test.each(['ann', 'none'])(
  'programs of this machine that take all streams do not keep out a client with the key %s',
  async (name) => {
    const { summaries, url } = await serve();
    summaries.put(summaryOf('own'));
    const streams = await Promise.all(Array.from({ length: 50 }, () => listen(url)));
    const cut = once(streams[0]?.response, 'error');
    const operator = await listen(url, withKeyOf(name));
    expect(operator.response.statusCode).toBe(200);
    await cut;
    await expect.poll(() => operator.states().length).toBeGreaterThan(1);
    expect((await fetch(`${url}/cluster/live`)).status).toBe(503);
  },
);
