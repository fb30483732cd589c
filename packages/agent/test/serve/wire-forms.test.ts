import { describe, expect, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw, sampleAnswer, send } from '../support/client.ts';
import { hasHaproxy, startHaproxy } from '../support/haproxy.ts';
import { hasNginx, startNginx } from '../support/nginx.ts';
import { startTarget } from '../support/target.ts';
import { echoHead, patiently, type SeenConnection, startSeeingTarget } from '../support/wire.ts';

/** An agent whose target answers with the head that it got. */
async function startEchoing() {
  return startTestAgent(hooksTo({ default: await startSeeingTarget(echoHead) }));
}

const get = (target: string, headers = 'Host: other.test\r\n'): string =>
  `GET ${target} HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`;

/** A target that says this, whatever it is asked. */
function startAnswering(bytes: string) {
  return startSeeingTarget(({ socket }) => socket.on('data', () => socket.write(bytes)));
}

/** Request line and headers that are about the host, as the target got them. */
function hostsIn(text: string): string[] {
  return text.match(/^(?:GET .*|host: .*|x-forwarded-host: .*)(?=\r)/gim) ?? [];
}

describe('a request for a whole URL goes to its path, with its host', () => {
  test.each([
    ['http', 'http://app.test/a?b=1', '/a?b=1', 'app.test'],
    ['https', 'https://app.test/', '/', 'app.test'],
    ['upper case, with a port', 'HTTP://App.Test:8080/A', '/A', 'App.Test:8080'],
    ['no path', 'http://app.test', '/', 'app.test'],
    ['a query alone', 'http://app.test?b=1', '/?b=1', 'app.test'],
    ['IPv6', 'http://[::1]:80/x', '/x', '[::1]:80'],
    ['a URL within', 'http://app.test/http://evil.test/', '/http://evil.test/', 'app.test'],
    ['two slashes', 'http://app.test//evil.test/', '//evil.test/', 'app.test'],
  ])('%s', async (_name, target, path, host) => {
    const agent = await startEchoing();
    const text = await (await openRaw(agent.port, get(target))).closed();
    expect(hostsIn(text)).toEqual([`GET ${path} HTTP/1.1`, `Host: ${host}`, `x-forwarded-host: ${host}`]);
  });

  test('in HTTP/1.0 without a Host', async () => {
    const agent = await startEchoing();
    const text = await (await openRaw(agent.port, 'GET http://app.test/ HTTP/1.0\r\n\r\n')).closed();
    expect(hostsIn(text)).toEqual(['GET / HTTP/1.1', 'Host: app.test', 'x-forwarded-host: app.test']);
  });

  test('in an upgrade, whose page is looked at by that host', async () => {
    const target = await startSeeingTarget(({ socket }) => socket.on('data', () => socket.write(sampleAnswer)));
    const agent = await startTestAgent(hooksTo({ default: target }));
    const upgrade = (url: string, origin: string) =>
      openRaw(agent.port, handshakeBytes(url, { Host: 'evil.test', Origin: origin }));
    await (await upgrade('ws://app.test/a', 'http://app.test')).until(/^HTTP\/1\.1 101 /);
    expect(hostsIn(target.connections[0]?.text() ?? '')).toEqual([
      'GET /a HTTP/1.1',
      'Host: app.test',
      'x-forwarded-host: app.test',
    ]);
    expect(await (await upgrade('http://app.test/a', 'http://evil.test')).closed()).toMatch(/origin_refused/);
  });

  test('and hooks see the same', async () => {
    const target = await startTarget();
    const agent = await startTestAgent({
      agent: ({ url, path, query, headers }) => `${url} ${path} ${query.user} ${headers.host}`,
      router: { default: target, chat: [] },
    });
    const text = await (await openRaw(agent.port, get('http://app.test/a?user=ann'))).closed();
    expect(text).toContain(encodeURIComponent('/a?user=ann /a ann app.test'));
    expect(await (await openRaw(agent.port, get('http://app.test/?product=chat'))).closed()).toMatch(/target_none/);
  });
});

describe('a fragment is taken off the target of a request', () => {
  test.each([
    ['/a#b', '/a'],
    ['/a?b=1#/../c?d', '/a?b=1'],
    ['/#', '/'],
    ['/a#?uid=eve#', '/a'],
  ])('%s', async (target, path) => {
    const agent = await startEchoing();
    const text = await (await openRaw(agent.port, get(target))).closed();
    expect(text).toContain(`GET ${path} HTTP/1.1\r\n`);
  });

  test('of an upgrade as well, before its route is looked for', async () => {
    const [target, other] = [await startTarget(), await startSeeingTarget(({ socket }) => socket.write(sampleAnswer))];
    const router = { default: target, shop: other, routes: [{ path: '/shop', product: 'shop' }] };
    const agent = await startTestAgent({ agent: () => 'ann', router });
    const raw = await openRaw(agent.port, handshakeBytes('/shop#/x?product=default'));
    await raw.until(/^HTTP\/1\.1 101 /);
    expect(other.connections[0]?.text()).toMatch(/^GET \/shop HTTP/);
  });
});

test('a request in HTTP/1.0 without a Host goes on with the address that its client asked', async () => {
  const agent = await startEchoing();
  const text = await (await openRaw(agent.port, 'OPTIONS / HTTP/1.0\r\n\r\n')).closed();
  expect(text).toMatch(new RegExp(`\\r\\nhost: 127\\.0\\.0\\.1:${agent.port}\\r\\n`));
  expect(text).not.toMatch(/x-forwarded-host/);
});

test.skipIf(!hasNginx)('nginx as a target takes a health check in HTTP/1.0', async () => {
  const port = await startNginx(1, 'upstream gopush { server 127.0.0.1:1; } location / { return 200 "host=$host"; }');
  const agent = await startTestAgent(hooksTo({ default: { ip: '127.0.0.1', port } }));
  expect(await (await openRaw(agent.port, 'GET / HTTP/1.0\r\n\r\n')).closed()).toMatch(
    / 200 [\s\S]*host=127\.0\.0\.1$/,
  );
});

test.skipIf(!hasHaproxy)(
  'HAProxy finds an agent healthy by its option httpchk, which is HTTP/1.0 without a Host',
  async () => {
    const target = await startTarget();
    const agent = await startTestAgent(hooksTo({ default: target }));
    const port = await startHaproxy(agent.port, 'check inter 200ms fall 1 rise 1', [
      'mode http',
      'option httpchk',
      'timeout check 10s',
    ]);
    const checks = (): number => target.requests.filter(({ method }) => method === 'OPTIONS').length;
    // Of one that is not 2xx or 3xx HAProxy would have taken the agent for down by the second.
    await expect.poll(checks, patiently).toBeGreaterThan(2);
    expect((await send(`http://127.0.0.1:${port}`)).status).toBe(200);
  },
);

test('empty lines before a request are skipped', async () => {
  const agent = await startEchoing();
  expect(await (await openRaw(agent.port, `\r\n\r\n${get('/')}`)).closed()).toMatch(/^HTTP\/1\.1 200 /);
});

describe('a response that curl and nginx take arrives', () => {
  test.each([
    ['lines that end with a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 5\nX-A: 1\n\nhello'],
    ['an empty line that is a bare LF', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\n\nhello'],
    ['chunks with bare LFs', 'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nX-A: 1\n\n5\nhello\n0\n\n'],
    [
      'chunks with bare LFs after a strict head',
      'HTTP/1.1 200 OK\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n',
    ],
    ['a line that goes on in the next one', 'HTTP/1.1 200 OK\r\nX-A:\r\n 1\r\nContent-Length: 5\r\n\r\nhello'],
    ['a blank before a colon', 'HTTP/1.1 200 OK\r\nX-A : 1\r\nContent-Length : 5\r\n\r\nhello'],
    ['no reason phrase', 'HTTP/1.1 200\r\nx-a: 1\r\ncontent-length: 5\r\n\r\nhello'],
    [
      'hints with bare LFs before',
      'HTTP/1.1 103 Early Hints\nLink: </a>\n\nHTTP/1.1 200 OK\nX-A: 1\nContent-Length: 5\n\nhello',
    ],
  ])('%s, and the connection of the target serves nobody else unless it was strict', async (name, bytes) => {
    const target = await startSeeingTarget(({ socket }: SeenConnection) => {
      socket.on('data', () => socket.write(bytes));
    });
    const agent = await startTestAgent(hooksTo({ default: target }));
    for (let time = 0; time < 2; time++) {
      const answer = await send(agent.url);
      expect([answer.status, answer.headers['x-a'], answer.body]).toEqual([200, '1', 'hello']);
    }
    expect(target.connections).toHaveLength(name === 'no reason phrase' ? 1 : 2);
  });

  test('to an upgrade, taken or not', async () => {
    const target = await startSeeingTarget(({ socket, until }) => {
      until(/^GET (\S+)/).then(([, path]) => {
        if (path === '/yes') socket.write(sampleAnswer.replaceAll('\r\n', '\n'));
        else socket.end('HTTP/1.1 401 Unauthorized\nContent-Length: 2\nX-A: 1\n\nno');
      });
    });
    const agent = await startTestAgent(hooksTo({ default: target }));
    await (await openRaw(agent.port, handshakeBytes('/yes'))).until(/^HTTP\/1\.1 101 [\s\S]*\r\n\r\n/);
    expect(await (await openRaw(agent.port, handshakeBytes('/no'))).closed()).toMatch(
      /^HTTP\/1\.1 401 Unauthorized\r\n[\s\S]*X-A: 1\r\n[\s\S]*\r\n\r\nno$/,
    );
  });

  test.each([
    ['bare LFs', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok'],
    ['a folded line', 'HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 2\r\n\r\nok'],
  ])('to a check of health as well: %s', async (_name, bytes) => {
    const targets = [await startAnswering(bytes), await startAnswering(bytes)];
    const agent = await startTestAgent(hooksTo({ default: targets }), {
      health: { check: '/readyz', checkIntervalMs: 30, failures: 1, maxEjectedPercent: 100 },
      admin: { agentPort: 0 },
    });
    expect((await send(agent.url)).body).toBe('ok');
    const checks = (): number => Math.min(...targets.map(({ connections }) => connections.length));
    await expect.poll(checks, patiently).toBeGreaterThan(3);
    expect((await send(`${agent.adminUrl}/metrics`)).body).not.toMatch(/target_ejections_total\{/);
  });

  test('as soon as it is there, without waiting for more', async () => {
    const target = await startSeeingTarget(({ socket }) => {
      socket.on('data', () => {
        for (const byte of 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok') socket.write(byte);
      });
    });
    const agent = await startTestAgent(hooksTo({ default: target }), { agent: { answerTimeoutMs: 2_000 } });
    expect((await send(agent.url)).body).toBe('ok');
  });
});
