import { type ConfigInput, defineAgentApp } from '@gopush/contract';
import cors from 'cors';
import { expect, test } from 'vitest';
import type { Agent } from '../../src/start/start-agent.ts';
import { createMemoryLog, hooksTo, startTestAgent } from '../support/agent.ts';
import { codeOf, handshakeBytes, openRaw, send } from '../support/client.ts';
import { exampleOfDocs, hasNginx, startNginx } from '../support/nginx.ts';
import { startEchoTarget } from '../support/target.ts';

const trusted = { trustedProxies: ['127.0.0.0/8'] };

async function start(access: ConfigInput['access'] = {}, log = createMemoryLog()): Promise<Agent> {
  return startTestAgent(hooksTo({ default: await startEchoTarget() }), { access }, log.log);
}

/** The status of an upgrade with these headers. */
async function upgrade(port: number, headers: Record<string, string>): Promise<number> {
  const raw = await openRaw(port, handshakeBytes('/', headers));
  return Number((await raw.until(/^HTTP\/1\.1 (\d+)/))[1]);
}

/** What a proxy in front makes of a request to http://app.example:8080, or tells of it. */
const proxied: readonly [string, Record<string, string>, number][] = [
  ['the Host as it was', { Host: 'app.example:8080' }, 101],
  ['a Host without its port', { Host: 'app.example' }, 403],
  ['its port beside', { Host: 'app.example', 'X-Forwarded-Port': '8080' }, 101],
  ['another port beside', { Host: 'app.example', 'X-Forwarded-Port': '8081' }, 403],
  ['another Host, and what it was', { Host: '10.0.0.5', 'X-Forwarded-Host': 'app.example:8080' }, 101],
  [
    'another Host, and what it was in two headers',
    { Host: '10.0.0.5', 'X-Forwarded-Host': 'app.example', 'X-Forwarded-Port': '8080' },
    101,
  ],
  ['what two proxies tell', { Host: '10.0.0.5', 'X-Forwarded-Host': 'app.example:8080, 10.0.0.4' }, 101],
  ['what RFC 7239 calls it', { Host: '10.0.0.5', Forwarded: 'for=1.2.3.4;host="app.example:8080";proto=http' }, 101],
  ['another Host alone', { Host: '10.0.0.5' }, 403],
  ['nothing that can be read', { Host: '10.0.0.5', 'X-Forwarded-Host': ' ,[', 'X-Forwarded-Port': 'x' }, 403],
];

test.each(proxied)('a page behind a trusted proxy that passes %s', async (_name, headers, status) => {
  const { port } = await start(trusted);
  const origin = 'http://app.example:8080';
  expect(await upgrade(port, { Origin: origin, ...headers })).toBe(status);
  expect(await upgrade(port, { Origin: 'http://evil.test:8080', ...headers })).toBe(403);
  const asked = await send(`http://127.0.0.1:${port}/socket.io/?EIO=4&transport=polling`, {
    headers: { Origin: origin, ...headers },
  });
  expect(asked.status === 403).toBe(status === 403);
});

test.each([
  [{ 'X-Forwarded-Proto': 'https' }, 403],
  [{ 'X-Forwarded-Proto': 'https, http' }, 403],
  // As Traefik calls it.
  [{ 'X-Forwarded-Proto': 'wss' }, 403],
  [{ Forwarded: 'for=1.2.3.4;proto=https' }, 403],
  [{ Forwarded: 'for=1.2.3.4;proto="http", proto=https' }, 101],
  [{ 'X-Forwarded-Proto': 'http' }, 101],
  [{}, 101],
] as const)('a page of http behind a trusted proxy that says %o', async (told, status) => {
  const { port } = await start(trusted);
  const headers = { Host: 'app.example', ...told };
  expect(await upgrade(port, { ...headers, Origin: 'http://app.example' })).toBe(status);
  expect(await upgrade(port, { ...headers, Origin: 'https://app.example' })).toBe(101);
  // Who is not trusted says nothing.
  const other = await start();
  expect(await upgrade(other.port, { ...headers, Origin: 'http://app.example' })).toBe(101);
});

test('what somebody else tells of another Host is not believed, and the refusal says whom to trust', async () => {
  const { port } = await start();
  const headers = { Origin: 'http://app.example:8080', Host: '10.0.0.5' };
  for (const told of [
    { 'X-Forwarded-Host': 'app.example:8080' },
    { Forwarded: 'host="app.example:8080"' },
    { 'X-Forwarded-Host': 'app.example', 'X-Forwarded-Port': '8080' },
  ]) {
    const raw = await openRaw(port, handshakeBytes('/', { ...headers, ...told }));
    expect(await raw.closed()).toMatch(
      /^HTTP\/1\.1 403 [\s\S]*the proxy that sent them is not in access\.trustedProxies/,
    );
  }
});

test.skipIf(!hasNginx)(
  'a page behind nginx as the docs configure it, on whatever port, is of the own origin',
  async () => {
    const agent = await start(trusted);
    const example = await exampleOfDocs();
    const port = await startNginx(agent.port, example);
    const own = { Host: `127.0.0.1:${port}`, Origin: `http://127.0.0.1:${port}` };
    expect(await upgrade(port, own)).toBe(101);
    expect(await upgrade(port, { ...own, Origin: `http://127.0.0.1:${port + 1}` })).toBe(403);
    expect(await upgrade(port, { ...own, Origin: 'http://127.0.0.1' })).toBe(403);
    // A configuration that drops the port can name it.
    const older = example.replace(/Host \$http_host;.*/, 'Host $host; proxy_set_header X-Forwarded-Port $server_port;');
    const other = await startNginx(agent.port, older);
    const page = { Host: `127.0.0.1:${other}`, Origin: `http://127.0.0.1:${other}` };
    expect(await upgrade(other, page)).toBe(101);
    expect(await upgrade(other, { ...page, Origin: 'http://127.0.0.1:1' })).toBe(403);
  },
);

test('pages of this machine may come through a proxy that changes Host, as that of Vite, where they are allowed', async () => {
  const page = { Origin: 'http://localhost:5173', Host: '127.0.0.1:6003' };
  for (const [localhostOrigins, status] of [
    ['always', 101],
    ['never', 403],
  ] as const) {
    const { port } = await start({ localhostOrigins });
    expect(await upgrade(port, page)).toBe(status);
    expect(await upgrade(port, { ...page, Origin: 'http://localhost.evil.test:5173' })).toBe(403);
  }
});

test('a refused page is told why, in the body and in the log, on both lines', async () => {
  const memory = createMemoryLog();
  const { port } = await start({}, memory);
  const headers = { Origin: 'https://evil.test', Host: 'gateway.test' };
  const why = /origin of the page is \\?"https:\/\/evil\.test\\?".*Host \\?"gateway\.test\\?".*access\.allowedOrigins/;
  const raw = await openRaw(port, handshakeBytes('/', headers));
  expect(await raw.closed()).toMatch(why);
  expect((await memory.next(/origin are not allowed/)).fields).toMatchObject({
    code: 'origin_refused',
    detail: expect.stringMatching(why),
  });
  const answer = await send(`http://127.0.0.1:${port}/socket.io/?EIO=4&transport=polling`, { headers });
  expect([answer.status, codeOf(answer)]).toEqual([403, 'origin_refused']);
  expect(JSON.parse(answer.body).error.message).toMatch(why);
  expect(answer.headers['access-control-allow-origin']).toBeUndefined();
});

test('whoever sends many foreign origins cannot fill the log with warnings, or break its lines', async () => {
  const memory = createMemoryLog();
  const { port } = await start({}, memory);
  for (let index = 0; index < 30; index++) {
    expect(await upgrade(port, { Origin: `https://evil${index}.test/\u009b31m"` })).toBe(403);
  }
  const warnings = memory.lines.filter(({ level, message }) => level === 'warn' && /origin/.test(message));
  expect(warnings.length).toBeGreaterThan(0);
  expect(warnings.length).toBeLessThan(15);
  for (const { fields } of warnings) expect(fields.detail).toMatch(/^[ -~]+$/);
});

test('a refusal after a hook that uses cors() says what the hook said, once', async () => {
  const agent = defineAgentApp((app) => {
    app.use(cors({ origin: 'https://of-hook.test', credentials: true }));
    app.use((_request, response, next) => {
      response.locals.uid = 'ann';
      next();
    });
  });
  const { url } = await startTestAgent(
    { agent, router: { default: { ip: '127.0.0.1', port: 1 } } },
    { access: { allowedOrigins: ['https://app.test'] } },
  );
  const seen: string[][] = [];
  const asked = { method: 'OPTIONS', 'access-control-request-method': 'PUT' };
  for (const [origin, method] of [
    ['https://app.test', 'GET'],
    ['https://of-hook.test', 'GET'],
    ['https://app.test', 'OPTIONS'],
    ['https://of-hook.test', 'OPTIONS'],
  ] as const) {
    const headers = { Origin: origin, ...(method === 'OPTIONS' ? asked : {}) };
    const answer = await send(url, { method, headers });
    const { 'access-control-allow-origin': allowed = '', vary = '' } = answer.headers;
    seen.push([`${answer.status}`, allowed, vary.split(', ')[0] ?? '']);
  }
  expect(seen).toEqual([
    ['502', 'https://of-hook.test', 'Origin'],
    ['502', 'https://of-hook.test', 'Origin'],
    ['204', 'https://app.test', 'Origin'],
    // Of an origin that is not listed the hook is asked.
    ['204', 'https://of-hook.test', 'Origin'],
  ]);
});
