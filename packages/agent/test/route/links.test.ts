import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createMemoryLog, hooksTo, startTestAgent } from '../support/agent.ts';
import { codeOf, handshakeBytes, openRaw, send } from '../support/client.ts';
import { type Link, startLinked } from '../support/url-target.ts';

const links: readonly Link[] = ['http', 'https', 'unix'];

describe.each(links)('a target by %s', (link) => {
  test('answers requests on a connection that is kept, with the client’s Host', async () => {
    const { target, requests, connections } = await startLinked(link, (request, response) =>
      response.end(request.headers.host),
    );
    const agent = await startTestAgent(hooksTo({ default: target }));
    for (let count = 0; count < 3; count++) {
      const answer = await send(`${agent.url}/a%2Fb?x=1`, { headers: { host: 'shop.test:81' } });
      expect([answer.status, answer.body]).toEqual([200, 'shop.test:81']);
    }
    expect(requests.map(({ url }) => url)).toEqual(['/a%2Fb?x=1', '/a%2Fb?x=1', '/a%2Fb?x=1']);
    expect(connections()).toBe(1);
  });

  test('gets its own Host where its router says so, on requests and upgrades', async () => {
    const { target, requests } = await startLinked(link);
    const agent = await startTestAgent(hooksTo({ default: { ...target, hostHeader: 'target' } }));
    await send(agent.url, { headers: { host: 'shop.test' } });
    const raw = await openRaw(agent.port, handshakeBytes('/', { Host: 'shop.test' }));
    await raw.until(/^HTTP\/1\.1 101/);
    const own = link === 'unix' ? 'localhost' : new URL(target.url).host;
    for (const { headers } of requests) {
      expect([headers.host, headers['x-forwarded-host']]).toEqual([own, 'shop.test']);
    }
    expect(requests).toHaveLength(2);
  });

  test('gets large bodies whole, gives large answers whole, and trailers in both directions', async () => {
    const { target } = await startLinked(link, async (request, response) => {
      response.writeHead(200, { trailer: 'x-sum' });
      const hash = createHash('sha256');
      for await (const chunk of request) {
        hash.update(chunk as Buffer);
        if (!response.write(chunk)) await once(response, 'drain');
      }
      response.addTrailers({ 'x-sum': hash.digest('hex'), 'x-seen': String(request.trailers['x-mine']) });
      response.end();
    });
    const agent = await startTestAgent(hooksTo({ default: target }));
    const body = randomBytes(1_500_000).toString('base64');
    const answer = await send(agent.url, { method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body });
    expect(answer.body === body).toBe(true);
    expect(answer.trailers['x-sum']).toBe(createHash('sha256').update(body).digest('hex'));
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n';
    const raw = await openRaw(agent.port, `${head}2\r\nab\r\n0\r\nX-Mine: 1\r\n\r\n`);
    expect(await raw.closed()).toMatch(/\r\nx-seen: 1\r\n/i);
  });

  test('carries WebSockets, large messages too, and both ends of them', async () => {
    const { target, dropAll } = await startLinked(link);
    const agent = await startTestAgent(hooksTo({ default: target }));
    const socket = new WebSocket(agent.url, { maxPayload: 1 << 26 });
    await once(socket, 'open');
    for (const size of [1, 125, 70_000, 5_000_000]) {
      const message = randomBytes(size);
      socket.send(message);
      const [echo] = (await once(socket, 'message')) as [Buffer];
      expect(echo.equals(message)).toBe(true);
    }
    socket.close(4001, 'enough');
    expect((await once(socket, 'close'))[0]).toBe(4001);
    const cut = new WebSocket(agent.url);
    await once(cut, 'open');
    const ended = once(cut, 'close');
    dropAll();
    expect((await ended)[0]).toBe(1006);
  });

  test('streams answers as they come', async () => {
    const { target } = await startLinked(link, (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: 1\n\n');
    });
    const agent = await startTestAgent(hooksTo({ default: target }));
    const raw = await openRaw(agent.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await raw.until(/data: 1\n\n/);
  });

  test('that is not there is said so, and clients wait for it', async () => {
    const { target, leave, comeBack } = await startLinked(link);
    await leave();
    const agent = await startTestAgent(hooksTo({ default: { targets: target, holdMs: 0 }, held: target }), {
      hold: { timeoutMs: 5_000 },
    });
    expect(codeOf(await send(agent.url))).toBe('target_unreachable');
    const held = [send(`${agent.url}/?product=held`), openRaw(agent.port, handshakeBytes('/?product=held'))] as const;
    const upgrade = await held[1];
    await comeBack();
    expect((await held[0]).status).toBe(200);
    await upgrade.until(/^HTTP\/1\.1 101/);
  });

  test('that leaves and comes back between requests is connected to anew', async () => {
    const { target, leave, comeBack } = await startLinked(link);
    const agent = await startTestAgent(hooksTo({ default: target }));
    expect((await send(agent.url)).status).toBe(200);
    await leave();
    await comeBack();
    expect((await send(agent.url, { method: 'POST', body: 'x' })).status).toBe(200);
  });

  test.each(['tcp', '/ready'])('is asked by %s whether it is ready', async (check) => {
    let ready = false;
    const { target, leave } = await startLinked(link, (request, response) => {
      response.writeHead(request.url === '/ready' && !ready ? 503 : 200).end();
    });
    const agent = await startTestAgent(hooksTo({ default: { targets: target, check } }), {
      health: { checkIntervalMs: 50 },
      admin: { agentPort: 0, host: '127.0.0.1' },
    });
    await send(agent.url);
    const state = async () => JSON.parse((await send(`${agent.adminUrl}/state`)).body).products[0].targets[0];
    if (check === '/ready') await expect.poll(state).toMatchObject({ state: 'not ready', why: '/ready responds 503' });
    ready = true;
    await expect.poll(state).toMatchObject({ state: 'up', target: nameOf(target.url) });
    await leave();
    await expect.poll(state).toMatchObject({ why: expect.stringContaining('target_unreachable') });
  });

  test('that breaks its answers off is asked for a sign of life, and is not blamed for it', async () => {
    let asked = 0;
    const { target } = await startLinked(link, (request, response) => {
      if (request.method === 'OPTIONS') {
        asked++;
        response.end();
      } else request.socket.destroy();
    });
    const memory = createMemoryLog();
    const agent = await startTestAgent(hooksTo({ default: target }), { health: { failures: 1 } }, memory.log);
    expect(codeOf(await send(agent.url, { method: 'POST', body: 'x' }))).toBe('target_reset');
    await expect.poll(() => asked).toBe(1);
  });
});

function nameOf(url: string): string {
  return url.replace('http://', '');
}
