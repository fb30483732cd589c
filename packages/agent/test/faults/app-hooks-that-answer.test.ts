import { setTimeout as delay } from 'node:timers/promises';
import { defineAgentApp } from '@gopush/contract';
import type { RequestHandler, Response } from 'express';
import { expect, test } from 'vitest';
import { createMemoryLog, startTestAgent } from '../support/agent.ts';
import { codeOf, openRaw, send } from '../support/client.ts';
import { startTarget } from '../support/target.ts';
import { createSignal } from '../support/wire.ts';

async function startWithApp(middleware: RequestHandler, onRequest?: () => void) {
  const { log, lines } = createMemoryLog();
  const target = await startTarget((request, response) => {
    onRequest?.();
    request.resume().on('end', () => response.end('target'));
  });
  const agent = await startTestAgent(
    {
      agent: defineAgentApp((app) => {
        app.use((request, response, next) => {
          response.locals.uid = 'ann';
          if (request.url === '/other') next();
          else middleware(request, response, next);
        });
      }),
      router: { default: target },
    },
    {},
    log,
  );
  return { agent, target, lines, stillServes: async () => (await send(`${agent.url}/other`)).body === 'target' };
}

test.each([
  ['a part of a body', (response: Response) => response.write('part')],
  ['a head', (response: Response) => response.writeHead(200)],
  ['a head that is on its way', (response: Response) => response.flushHeaders()],
])('a hook that writes %s and calls next() cuts that one answer, and is named', async (_name, write) => {
  const { agent, target, lines, stillServes } = await startWithApp((_request, response, next) => {
    write(response);
    next();
  });
  await expect(send(agent.url)).rejects.toThrow();
  expect(target.requests).toHaveLength(0);
  expect(lines.find(({ level }) => level === 'error')?.fields).toMatchObject({
    code: 'uid_hook_bad_value',
    detail: 'hook agent: it wrote part of a response and called next()',
  });
  expect(await stillServes()).toBe(true);
});

test('a hook that answers and calls next() all the same has answered', async () => {
  const { agent, target, stillServes } = await startWithApp((_request, response, next) => {
    response.status(401).send('no');
    next();
  });
  expect(await send(agent.url)).toMatchObject({ status: 401, body: 'no' });
  expect(target.requests).toHaveLength(0);
  expect(await stillServes()).toBe(true);
});

test('a hook that answers before its target does, after next(), has answered', async () => {
  const asked = createSignal();
  const { agent, lines, stillServes } = await startWithApp(
    (_request, response, next) => {
      next();
      asked.promise.then(() => response.status(401).json({}));
    },
    () => asked.resolve(),
  );
  expect(await send(agent.url)).toMatchObject({ status: 401, body: '{}' });
  await expect.poll(() => lines.some(({ fields }) => fields.code === 'uid_hook_bad_value')).toBe(true);
  expect(await stillServes()).toBe(true);
});

test('a hook that answers once its target has comes too late, and harms nobody', async () => {
  const tried = createSignal();
  const { agent, stillServes } = await startWithApp((_request, response, next) => {
    next();
    response.once('finish', () => {
      response.set('x-late', '1').status(401);
      response.append('x-late', '2');
      response.removeHeader('date');
      response.writeHead(401, { 'x-late': '3' });
      response.json({});
      response.write('late');
      tried.resolve();
    });
  });
  expect(await send(agent.url)).toMatchObject({ status: 200, body: 'target' });
  await tried.promise;
  await delay(0);
  expect(await stillServes()).toBe(true);
});

test('what a hook says of the length of an answer is not believed of the target’s', async () => {
  const { agent } = await startWithApp((_request, response, next) => {
    response.set({ 'content-length': '1', trailer: 'x-sum', 'x-hook': '1' });
    next();
  });
  const raw = await openRaw(agent.port, 'GET / HTTP/1.0\r\n\r\n');
  const text = await raw.closed();
  expect(text).toMatch(/^HTTP\/1\.1 200 [\s\S]*x-hook: 1\r\n[\s\S]*target$/i);
  expect(text).not.toMatch(/trailer|content-length: 1\r/i);
});

test('a hook that writes to an answer it has ended harms nobody', async () => {
  const { agent, stillServes } = await startWithApp((_request, response) => {
    response.end('hook');
    response.write('more');
  });
  await send(agent.url).catch(() => {});
  expect(await stillServes()).toBe(true);
});

test('a hook whose uid throws when it is read is named', async () => {
  const { agent, stillServes } = await startWithApp((_request, response, next) => {
    Object.defineProperty(response.locals, 'uid', {
      get() {
        throw new Error('no');
      },
    });
    next();
  });
  expect(codeOf(await send(agent.url))).toBe('uid_hook_threw');
  expect(await stillServes()).toBe(true);
});

test('a body in chunks that a hook has read is not awaited, but forwarded', async () => {
  const { agent, target } = await startWithApp((request, _response, next) => {
    request.resume().on('end', () => next());
  });
  const answer = await send(agent.url, { method: 'POST', body: 'x', headers: { 'transfer-encoding': 'chunked' } });
  expect(answer.body).toBe('target');
  expect(target.requests).toHaveLength(1);
});
