import { once } from 'node:events';
import { request as openRequest } from 'node:http';
import { defineAgentApp } from '@gopush/contract';
import express from 'express';
import { expect, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { codeOf, handshakeBytes, openRaw, send } from '../support/client.ts';
import { startRawTarget, startTarget } from '../support/target.ts';

test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'])(
  '%s reaches the target with its body',
  async (method) => {
    const target = await startTarget();
    const agent = await startTestAgent(hooksTo({ default: target }));
    const body = method === 'GET' || method === 'OPTIONS' ? undefined : 'some body';
    const answer = await send(`${agent.url}/path?a=1&b=%20x`, { method, ...(body === undefined ? {} : { body }) });
    const seen = JSON.parse(answer.body);
    expect(answer.status).toBe(200);
    expect(seen).toMatchObject({ method, url: '/path?a=1&b=%20x', body: body ?? '' });
  },
);

test('a chunked DELETE keeps its body', async () => {
  const target = await startTarget();
  const agent = await startTestAgent(hooksTo({ default: target }));
  const answer = await send(agent.url, { method: 'DELETE', headers: { 'transfer-encoding': 'chunked' }, body: 'abc' });
  expect(JSON.parse(answer.body)).toMatchObject({ method: 'DELETE', body: 'abc' });
});

test('HEAD, 204 and 304 have no body, and the connection goes on', async () => {
  const target = await startTarget((request, response) => {
    response.writeHead(request.method === 'HEAD' ? 200 : Number(request.url?.slice(1, 4)), { etag: '"x"' });
    response.end();
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(
    agent.port,
    'HEAD /200 HTTP/1.1\r\nHost: a\r\n\r\nGET /204 HTTP/1.1\r\nHost: a\r\n\r\nGET /304 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  );
  const text = await raw.closed();
  expect(text.match(/^HTTP\/1\.1 (\d+)/gm)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 204', 'HTTP/1.1 304']);
});

test('request and response stream both ways at the same time', async () => {
  const target = await startTarget((request, response) => request.pipe(response));
  const agent = await startTestAgent(hooksTo({ default: target }));
  const request = openRequest(agent.url, { method: 'POST', agent: false });
  request.write('one');
  const [answer] = await once(request, 'response');
  expect(String((await once(answer, 'data'))[0])).toBe('one');
  request.write('two');
  expect(String((await once(answer, 'data'))[0])).toBe('two');
  request.end();
  answer.resume();
  await once(answer, 'end');
});

test('trailers arrive', async () => {
  const target = await startTarget((_request, response) => {
    response.writeHead(200, { trailer: 'x-sum' });
    response.write('body');
    response.addTrailers({ 'x-sum': '42' });
    response.end();
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const answer = await send(agent.url);
  expect(answer).toMatchObject({ body: 'body', trailers: { 'x-sum': '42' } });
});

test('headers that repeat, cookies among them, stay as many as they were, both ways', async () => {
  const target = await startTarget((request, response) => {
    response.writeHead(200, ['set-cookie', 'a=1', 'set-cookie', 'b=2', 'x-seen', request.headers.cookie ?? '']);
    response.end();
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const answer = await send(agent.url, { headers: { cookie: 'c=3; d=4' } });
  expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
  expect(answer.headers['x-seen']).toBe('c=3; d=4');
});

test('hop-by-hop headers and those that Connection names stay on their connection', async () => {
  const target = await startTarget();
  const agent = await startTestAgent(hooksTo({ default: target }));
  const answer = await send(agent.url, {
    headers: {
      connection: 'close, x-secret, x-gopush-uid',
      'x-secret': '1',
      'keep-alive': 'timeout=9',
      te: 'trailers',
      'proxy-authorization': 'Basic eA==',
      'x-kept': 'yes',
    },
  });
  const { headers } = JSON.parse(answer.body);
  expect(headers).toMatchObject({ 'x-kept': 'yes', 'x-gopush-uid': 'ann' });
  for (const name of ['x-secret', 'keep-alive', 'te', 'proxy-authorization']) expect(headers).not.toHaveProperty(name);
});

test('a target that cannot be reached is 502', async () => {
  const target = await startTarget();
  target.server.close();
  const agent = await startTestAgent(hooksTo({ default: target }));
  const answer = await send(agent.url, { method: 'POST', body: 'a body that is still being sent' });
  expect([answer.status, codeOf(answer)]).toEqual([502, 'target_unreachable']);
});

test('while a target refuses connections its clients are served by the others, and come back to it', async () => {
  const targets = await Promise.all([startTarget(), startTarget(), startTarget()]);
  const ports = targets.map(({ port }) => port);
  const agent = await startTestAgent(
    {
      agent: (request) => request.query.user,
      router: { default: [{ ip: '127.0.0.1', ports }] },
    },
    // How long the handshake below waits for its answer, which never comes.
    { agent: { handshakeTimeoutMs: 500 } },
  );
  const ask = async (path: string) => {
    const before = targets.map(({ requests }) => requests.length);
    const { status } = await send(`${agent.url}${path}`);
    return [status, targets.findIndex(({ requests }, index) => requests.length > (before[index] ?? 0))] as const;
  };
  const [, first] = await ask('/?user=ann');
  const { server, port } = targets[first] as (typeof targets)[0];
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  const [status, second] = await ask('/?user=ann');
  expect(status).toBe(200);
  expect(second).not.toBe(first);
  const socket = await openRaw(agent.port, handshakeBytes('/?user=ann'));
  // These targets grant no upgrade; that one of them answers at all is the point.
  expect(await socket.closed()).not.toMatch(/target_unreachable/);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  expect(await ask('/?user=ann')).toEqual([200, first]);
});

test('a request with a body is not asked twice: when its target refuses, the client is told', async () => {
  const agent = await startTestAgent(hooksTo({ default: [{ ip: '127.0.0.1', ports: [1, 2] }] }));
  const answer = await send(agent.url, { method: 'POST', body: 'once' });
  expect([answer.status, codeOf(answer)]).toEqual([502, 'target_unreachable']);
});

test('a target that accepts and says nothing is 504', async () => {
  const target = await startRawTarget(() => {});
  const agent = await startTestAgent(hooksTo({ default: target }), { agent: { answerTimeoutMs: 50 } });
  const answer = await send(agent.url);
  expect([answer.status, codeOf(answer)]).toEqual([504, 'target_silent']);
});

test('a target that answers no HTTP is 502', async () => {
  const target = await startRawTarget((socket) => socket.end('what?\r\n\r\n'));
  const agent = await startTestAgent(hooksTo({ default: target }));
  const answer = await send(agent.url);
  expect([answer.status, codeOf(answer)]).toEqual([502, 'target_bad_answer']);
});

test('an answer that is cut arrives cut, not as a whole one', async () => {
  const target = await startTarget((_request, response) => {
    response.writeHead(200, { 'content-length': '10' });
    response.write('half', () => response.destroy());
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  await expect(send(agent.url)).rejects.toThrow(/aborted|hang up|reset/i);
});

test('a client that goes away cancels the request at the target', async () => {
  let cancelled: () => void;
  const wasCancelled = new Promise<void>((resolve) => {
    cancelled = resolve;
  });
  const target = await startTarget((_request, response) => {
    response.once('close', () => cancelled());
    response.writeHead(200).write('first');
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const request = openRequest(agent.url, { agent: false }).on('error', () => {});
  request.end();
  const [answer] = await once(request, 'response');
  answer.on('error', () => {});
  request.destroy();
  await wasCancelled;
});

test('a kept connection that the target closes in the same moment is replaced once', async () => {
  let connections = 0;
  const target = await startRawTarget((socket) => {
    connections++;
    let requests = 0;
    socket.on('data', () => {
      // The second request on the first connection meets a reset, as when a keep-alive timeout races with it.
      if (connections === 1 && ++requests === 2) socket.resetAndDestroy();
      else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    });
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  expect((await send(agent.url)).body).toBe('ok');
  expect((await send(agent.url)).body).toBe('ok');
  expect(connections).toBe(2);
});

test('an app hook gives the uid, and may answer a request itself', async () => {
  const target = await startTarget();
  const agent = await startTestAgent({
    agent: defineAgentApp((app) => {
      app.get('/mine', (_request, response) => {
        response.send('from the hook');
      });
      app.use((request, response, next) => {
        response.locals.uid = request.cookies.who;
        next();
      });
    }),
    router: { default: target },
  });
  expect((await send(`${agent.url}/mine`)).body).toBe('from the hook');
  expect(codeOf(await send(agent.url))).toBe('uid_missing');
  const answer = await send(`${agent.url}/x`, { headers: { cookie: 'who=bob' } });
  expect(JSON.parse(answer.body).headers).toMatchObject({ 'x-gopush-uid': 'bob' });
});

test('to an app hook requests and responses are what Express makes of them, in mounted apps, too', async () => {
  const target = await startTarget();
  const mounted = express();
  mounted.set('which', 'mounted');
  mounted.get('/where', (request, response) => {
    response.json({ which: request.app.get('which'), base: request.baseUrl, same: request.app === response.app });
  });
  const hook = defineAgentApp((app) => {
    app.set('which', 'outer');
    app.use('/mounted', mounted);
    app.get('/query', (request, response) => {
      const { path, query, hostname, ip } = request;
      response
        .status(202)
        .json({ path, query, hostname, ip, same: [request.app, response.app].every((one) => one === app) });
    });
    app.get('/away', (_request, response) => response.cookie('seen', '1').redirect(303, '/there'));
    app.use((request, response, next) => {
      response.locals.uid = `${request.get('x-who')}-${request.app.get('which')}`;
      next();
    });
  });
  const router = { default: (request: { query: object }) => (request.query ? [target] : []) };
  const agent = await startTestAgent({ agent: hook, router });
  const query = await send(`${agent.url}/query?a=1&a=2`);
  expect([query.status, JSON.parse(query.body)]).toEqual([
    202,
    { path: '/query', query: { a: ['1', '2'] }, hostname: '127.0.0.1', ip: '127.0.0.1', same: true },
  ]);
  const inMounted = await send(`${agent.url}/mounted/where`);
  expect(JSON.parse(inMounted.body)).toEqual({ which: 'mounted', base: '/mounted', same: true });
  const away = await send(`${agent.url}/away`);
  expect([away.status, away.headers.location, away.headers['set-cookie']]).toEqual([303, '/there', ['seen=1; Path=/']]);
  const passed = await send(`${agent.url}/mounted/else`, { headers: { 'x-who': 'ann' } });
  expect(JSON.parse(passed.body).headers).toMatchObject({ 'x-gopush-uid': 'ann-outer' });
});

test('an app hook may read the body, which reaches the target all the same', async () => {
  const target = await startTarget();
  const hook = defineAgentApp((app) => {
    app.use(express.json(), (_request, response, pass) => {
      response.locals.uid = 'ann';
      pass();
    });
  });
  const agent = await startTestAgent({ agent: hook, router: { default: target } });
  const answer = await send(agent.url, {
    method: 'POST',
    body: '{"a":1}',
    headers: { 'content-type': 'application/json' },
  });
  expect(JSON.parse(answer.body).body).toBe('{"a":1}');
});

test('an app hook that never passes on nor answers meets its deadline', async () => {
  const target = await startTarget();
  const hook = defineAgentApp((app) => {
    app.use(() => {});
  });
  const agent = await startTestAgent({ agent: hook, router: { default: target } }, { hooks: { timeoutMs: 50 } });
  expect(codeOf(await send(agent.url))).toBe('uid_hook_timeout');
});
