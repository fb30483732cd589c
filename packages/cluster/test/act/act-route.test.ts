import { createMetrics, silentLogger, startAdmin } from '@gopush/service';
import { StoreError } from '@gopush/store';
import { expect, onTestFinished, test } from 'vitest';
import { createActRoute } from '../../src/act/act-route.ts';
import { ClusterView } from '../../src/view/cluster-view.ts';
import { MemorySummaries, storeOf, summaryOf } from '../support/summaries.ts';

const key = 'a-key-of-an-operator-of-it';

async function serve() {
  const summaries = new MemorySummaries();
  const store = storeOf(summaries);
  const view = new ClusterView({ store, id: 'own', name: 'agent-0' });
  const routes = createActRoute({ shown: () => ({ store, view }), name: 'agent-0', none: 'none\n', log: silentLogger });
  const metrics = createMetrics('test_');
  const options = { host: '127.0.0.1', port: 0, checks: {}, metrics, state: () => ({}), log: silentLogger, routes };
  const admin = await startAdmin({ ...options, keys: [{ name: 'ops', key }] });
  onTestFinished(async () => {
    await admin.close();
    metrics.close();
  });
  const act = async (body: unknown, headers: Record<string, string> = { 'x-api-key': key }) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(`${admin.url}/cluster/act`, { method: 'POST', body: text, headers });
    return [response.status, (await response.text()).trim()] as const;
  };
  return { summaries, act };
}

test('an action goes to the node that is named, with who asked, and where', async () => {
  const { summaries, act } = await serve();
  summaries.put(summaryOf('a', { can: ['drain'] }));
  const [status, answer] = await act({ node: 'a', action: 'drain' });
  expect([status, JSON.parse(answer)]).toEqual([202, { id: expect.any(String), node: 'a', action: 'drain' }]);
  expect(JSON.parse(String(summaries.commands.get('a')))).toEqual({
    v: 1,
    id: JSON.parse(answer).id,
    ...{ action: 'drain', value: '', by: 'ops', from: '127.0.0.1', via: 'agent-0' },
  });
  expect(await act({ node: 'a', action: 'drain' })).toEqual([
    409,
    'another action waits for name of a: try again in a second',
  ]);
});

test('nothing is sent without a key, by a page of another origin, or to a node that cannot do it', async () => {
  const { summaries, act } = await serve();
  summaries.put(summaryOf('a', { can: ['drain'] }));
  summaries.put(summaryOf('left', { can: ['drain'], state: 'left' }));
  const drain = { node: 'a', action: 'drain' };
  expect((await act(drain, {}))[0]).toBe(401);
  expect((await act(drain, { 'x-api-key': key, origin: 'http://evil.example' }))[0]).toBe(403);
  expect((await act(drain, { 'x-api-key': key, 'sec-fetch-site': 'cross-site' }))[0]).toBe(403);
  expect(await act({ node: 'b', action: 'drain' })).toEqual([404, 'node: found b, wanted the id of a node']);
  expect(await act({ node: 'left', action: 'drain' })).toEqual([409, 'name of left has ended']);
  expect(await act({ node: 'a', action: 'reboot' })).toEqual([400, 'action: found reboot, wanted one of drain']);
  for (const body of [
    '',
    '{',
    'null',
    [],
    { node: 'a' },
    { ...drain, more: 1 },
    { ...drain, value: 'x'.repeat(1_501) },
  ]) {
    expect((await act(body))[0]).toBe(400);
  }
  expect((await act({ ...drain, value: 'x'.repeat(10_000) }))[0]).toBe(413);
  expect(summaries.commands.size).toBe(0);
});

test('while the store is away an action is refused with the reason', async () => {
  const { summaries, act } = await serve();
  summaries.put(summaryOf('a', { can: ['drain'] }));
  expect((await act({ node: 'a', action: 'reboot' }))[0]).toBe(400);
  summaries.until = Promise.reject(new StoreError('store_down', 'Redis cannot be reached'));
  summaries.until.catch(() => {});
  expect(await act({ node: 'a', action: 'drain' })).toEqual([503, 'Redis cannot be reached']);
});
