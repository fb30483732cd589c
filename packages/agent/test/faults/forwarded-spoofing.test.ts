import { defineAgentApp } from '@gopush/contract';
import { expect, test } from 'vitest';
import { createMemoryLog, hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw, send } from '../support/client.ts';
import { echoHead, startSeeingTarget } from '../support/wire.ts';

const claims = {
  Forwarded: 'for=6.6.6.6;proto=https;host=evil.test',
  'X-Forwarded-For': '6.6.6.6, 7.7.7.7',
  'X-Forwarded-Proto': 'https',
  'X-Forwarded-Host': 'evil.test',
  'X-Forwarded-Port': '666666',
  'X-Forwarded-Prefix': '/evil',
  'X-Real-IP': '6.6.6.6',
  X_Forwarded_For: '6.6.6.6',
};

async function startBoth(trustedProxies: string[]) {
  const target = await startSeeingTarget(echoHead);
  return startTestAgent(hooksTo({ default: target }), { access: { trustedProxies } });
}

test('of what an untrusted client says about where it comes from nothing reaches the target', async () => {
  const agent = await startBoth([]);
  const viaHttp = (await send(agent.url, { headers: claims })).body;
  const viaUpgrade = await (await openRaw(agent.port, handshakeBytes('/', claims))).closed();
  for (const seen of [viaHttp, viaUpgrade]) {
    expect(seen).toMatch(/\r\nx-forwarded-for: 127\.0\.0\.1\r\nx-forwarded-proto: http\r\n/);
    expect(seen).not.toMatch(/6\.6\.6|7\.7\.7|evil|666666|https/);
  }
});

test.each([
  { of: 'a trusted proxy', trustedProxies: ['127.0.0.1/32'], address: '7.7.7.7' },
  { of: 'anybody else', trustedProxies: [], address: '127.0.0.1' },
])('hooks get the address of the client from $of, an app as req.ip', async ({ trustedProxies, address }) => {
  const seen: unknown[] = [];
  const agent = await startTestAgent(
    {
      agent: defineAgentApp((app) => {
        app.use((req, res) => {
          seen.push(req.ip);
          req.app.set('trust proxy', true);
          seen.push(req.ip);
          req.app.set('trust proxy', false);
          res.end();
        });
      }),
      onupgrade: ({ clientAddress }) => {
        seen.push(clientAddress);
        return undefined;
      },
    },
    { access: { trustedProxies } },
  );
  await send(agent.url, { headers: claims });
  await (await openRaw(agent.port, handshakeBytes('/', claims))).closed();
  // What an app believes by itself is its own affair.
  expect(seen).toEqual([address, '6.6.6.6', address]);
});

test('an untrusted client that repeats its claims is not believed more', async () => {
  const agent = await startBoth(['10.0.0.0/8']);
  const raw = await openRaw(
    agent.port,
    'GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\nx-forwarded-for: 10.0.0.1\r\nConnection: close\r\n\r\n',
  );
  const seen = await raw.closed();
  expect(seen.match(/x-forwarded-for: .*/gi)).toEqual(['x-forwarded-for: 127.0.0.1']);
});

const ofClient = [
  'Forwarded_For',
  'X_Forwarded_Port',
  'X-Forwarded_Prefix',
  'X.Forwarded.Port',
  'X_Real_IP',
  'x-real_ip',
  'FORWARDED!',
  'X-Forwarded',
].map((name) => [name, 'evil']);

test('what a trusted proxy says of its client is continued or kept, and what the client spells otherwise is dropped', async () => {
  const agent = await startBoth(['127.0.0.1/32']);
  const headers = {
    Forwarded: 'for=6.6.6.6;proto=https',
    'X-Forwarded-For': '6.6.6.6, 7.7.7.7',
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-Host': 'app.test',
    'X-Forwarded-Port': '8443',
    'X-Forwarded-Prefix': '/app',
    'X-Forwarded-User': 'ann@idp',
    'X-Real-IP': '6.6.6.6',
    ...Object.fromEntries(ofClient),
  };
  const viaHttp = (await send(agent.url, { headers })).body;
  const viaUpgrade = await (await openRaw(agent.port, handshakeBytes('/', headers))).closed();
  for (const seen of [viaHttp, viaUpgrade]) {
    expect(seen).toMatch(
      /\r\nx-forwarded-for: 6\.6\.6\.6, 7\.7\.7\.7, 127\.0\.0\.1\r\nx-forwarded-proto: https\r\nx-forwarded-host: app\.test\r\n/,
    );
    expect(seen.match(/^(?:x-forwarded-(?:port|prefix|user)|x-real-ip|forwarded): .*/gim)).toEqual([
      'X-Forwarded-Port: 8443',
      'X-Forwarded-Prefix: /app',
      'X-Forwarded-User: ann@idp',
      'X-Real-IP: 6.6.6.6',
      'forwarded: for=6.6.6.6;proto=https, for=127.0.0.1',
    ]);
    expect(seen).not.toMatch(/evil/);
  }
});

test('of an untrusted client none of these passes in any spelling', async () => {
  const agent = await startBoth([]);
  const headers = {
    ...Object.fromEntries(ofClient),
    Forwarded: 'evil',
    'X-Real-IP': 'evil',
    'X-Forwarded-Port': 'evil',
    'X-Forwarded-Prefix': 'evil',
    'X-Forwarded-Server': 'evil',
  };
  expect((await send(agent.url, { headers })).body).not.toMatch(/evil/);
  expect(await (await openRaw(agent.port, handshakeBytes('/', headers))).closed()).not.toMatch(/evil/);
});

test('a trusted proxy that names the headers in Connection still gets them continued', async () => {
  const agent = await startBoth(['127.0.0.1/32']);
  const { body } = await send(agent.url, { headers: { connection: 'x-forwarded-for', 'x-forwarded-for': '6.6.6.6' } });
  expect(body).toMatch(/\r\nx-forwarded-for: 6\.6\.6\.6, 127\.0\.0\.1\r\n/);
});

test.each([
  ['an entry with a port', ['9.9.9.9, 203.0.113.7:51234'], '203.0.113.7'],
  ['several headers', ['9.9.9.9', '203.0.113.7'], '203.0.113.7'],
  ['brackets', ['9.9.9.9, [2001:db8::7]:51234'], '2001:db8::7'],
  ['an entry that cannot be read', ['9.9.9.9, unknown'], '127.0.0.1'],
  ['an empty entry', ['9.9.9.9, '], '127.0.0.1'],
  ['an empty header beside another one', ['9.9.9.9', ''], '127.0.0.1'],
])('the address next to a trusted proxy counts, not the one the client wrote: %s', async (_name, lines, address) => {
  const target = await startSeeingTarget(echoHead);
  const { log, next } = createMemoryLog();
  const agent = await startTestAgent(
    hooksTo({ default: target }),
    { access: { trustedProxies: ['127.0.0.1/32'] } },
    log,
  );
  const forwarded = lines.map((line) => `X-Forwarded-For: ${line}\r\n`).join('');
  const raw = await openRaw(agent.port, `GET / HTTP/1.1\r\nHost: a\r\n${forwarded}Connection: close\r\n\r\n`);
  await raw.closed();
  expect((await next(/^request$/)).fields).toMatchObject({ from: address });
});
