import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import type { Hooks, TlsInput } from '@gopush/contract';
import { expect, onTestFinished, test } from 'vitest';
import { createMemoryLog, hooksTo, startTestAgent } from '../support/agent.ts';
import { makeCertificate, makeFolder } from '../support/certificate.ts';
import { codeOf, handshakeBytes, openRaw, sampleAnswer, send } from '../support/client.ts';
import { startNameServer } from '../support/name-server.ts';
import { startRawTarget, startTarget } from '../support/target.ts';
import { readCertificate, startLinked } from '../support/url-target.ts';

/** An HTTPS server with such a certificate, and where it is. */
async function startSecure(
  names?: string,
  days?: number,
  more: TlsOptions = {},
): Promise<{ url: string; ca: Buffer; requests: number; sessions: boolean[] }> {
  const dir = await makeFolder();
  const certificate = await makeCertificate(dir, 'own', { names, days });
  const server = createServer({ ...(await readCertificate(certificate)), ...more });
  const seen = { requests: 0, sessions: [] as boolean[] };
  server
    .on('request', (_, response) => {
      seen.requests++;
      response.end('served');
    })
    .on('upgrade', (_, socket) => {
      seen.requests++;
      socket.destroy();
    })
    .on('secureConnection', (socket: TLSSocket) => seen.sessions.push(socket.isSessionReused()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(seen, {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    ca: await readFile(certificate.certFile),
  });
}

/** What clients are told by request and by upgrade, and what the log says. */
async function told(router: Hooks['router']): Promise<{ codes: string[]; detail: string; state: string }> {
  const memory = createMemoryLog();
  const agent = await startTestAgent(hooksTo(router), { admin: { agentPort: 0, host: '127.0.0.1' } }, memory.log);
  const answer = await send(agent.url);
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  const [, code = ''] = /x-gopush-error: (\w+)/.exec(await raw.closed()) ?? [];
  const detail = memory.lines.find(({ fields }) => fields.code !== undefined)?.fields.detail;
  const state = JSON.parse((await send(`${agent.adminUrl}/state`)).body).products[0].targets[0];
  return { codes: [codeOf(answer), code], detail: String(detail), state: state.why };
}

const twice = (code: string) => [code, code];

test('a certificate that nobody vouches for is refused, before the target gets anything', async () => {
  const target = await startSecure();
  const { codes, detail, state } = await told({ default: target.url });
  expect(codes).toEqual(twice('target_tls_untrusted'));
  expect(detail).toMatch(/^https:\/\/localhost:\d+: self-signed certificate; .* give tls: \{ ca \}$/);
  expect(state).toContain('target_tls_untrusted');
  expect(target.requests).toBe(0);
});

test('a certificate that has expired, or is of another name, is refused by that name', async () => {
  const old = await startSecure(undefined, -1);
  expect((await told({ default: { url: old.url, tls: { ca: old.ca } } })).codes).toEqual(twice('target_tls_expired'));
  const other = await startSecure('DNS:other.test');
  const { codes, detail } = await told({ default: { url: other.url, tls: { ca: other.ca } } });
  expect(codes).toEqual(twice('target_tls_name'));
  expect(detail).toContain('give tls: { servername }');
  expect([old.requests, other.requests]).toEqual([0, 0]);
});

test('a target that speaks plain HTTP, or another version of TLS, is called so', async () => {
  const plain = await startTarget();
  const { codes, detail } = await told({ default: `https://127.0.0.1:${plain.port}` });
  expect(codes).toEqual(twice('target_tls_failed'));
  expect(detail).toMatch(/does it speak TLS there, and not plain HTTP\?$/);
  const old = await startSecure(undefined, undefined, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'ALL' });
  expect((await told({ default: { url: old.url, tls: { ca: old.ca } } })).codes).toEqual(twice('target_tls_failed'));
  const h2 = await startSecure(undefined, undefined, { ALPNProtocols: ['h2'] });
  expect((await told({ default: { url: h2.url, tls: { ca: h2.ca } } })).codes).toEqual(twice('target_tls_failed'));
});

test('a target that closes in the handshake, or never finishes it, cannot be reached', async () => {
  const closing = await startRawTarget((socket) => socket.once('data', () => socket.end()));
  expect((await told({ default: `https://127.0.0.1:${closing.port}` })).codes).toEqual(twice('target_unreachable'));
  const hanging = await startRawTarget(() => {});
  const agent = await startTestAgent(hooksTo({ default: `https://127.0.0.1:${hanging.port}` }), {
    agent: { connectTimeoutMs: 100 },
  });
  expect(codeOf(await send(agent.url))).toBe('target_unreachable');
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  expect(await raw.closed()).toContain('target_unreachable');
});

test('a certificate of another name, or any, is taken where the router says so', async () => {
  const target = await startSecure('DNS:other.test');
  const tries: TlsInput[] = [
    { ca: target.ca, servername: 'other.test' },
    { ca: [target.ca.toString()], rejectUnauthorized: false },
    { rejectUnauthorized: false },
  ];
  for (const tls of tries) {
    const agent = await startTestAgent(hooksTo({ default: { url: target.url, tls } }));
    expect((await send(agent.url)).body).toBe('served');
  }
});

test('a connection that was made without looking is not used by a product that looks', async () => {
  const target = await startSecure();
  const agent = await startTestAgent(
    hooksTo({ default: { url: target.url, tls: { rejectUnauthorized: false } }, strict: target.url }),
  );
  for (let count = 0; count < 2; count++) {
    expect((await send(agent.url)).status).toBe(200);
    expect(codeOf(await send(`${agent.url}/?product=strict`))).toBe('target_tls_untrusted');
  }
});

test.each([['TLSv1.2'], ['TLSv1.3']] as const)(
  'with %s a target that wants a certificate gets it, or says that it wants one',
  async (version) => {
    const dir = await makeFolder();
    const ours = await makeCertificate(dir, 'agent');
    const { cert, key } = await readCertificate(ours);
    const asks = { requestCert: true, ca: cert, minVersion: version, maxVersion: version };
    const target = await startSecure(undefined, undefined, asks);
    const agent = await startTestAgent(
      hooksTo({
        default: { url: target.url, tls: { ca: target.ca, cert, key } },
        without: { url: target.url, tls: { ca: target.ca } },
      }),
    );
    expect((await send(agent.url)).body).toBe('served');
    const code = version === 'TLSv1.3' ? 'target_tls_refused' : 'target_tls_failed';
    expect(codeOf(await send(`${agent.url}/?product=without`))).toBe(code);
    expect(codeOf(await send(`${agent.url}/?product=without`, { method: 'POST', body: 'x' }))).toBe(code);
    const raw = await openRaw(agent.port, handshakeBytes('/?product=without'));
    expect(await raw.closed()).toContain(code);
  },
);

test('sessions of TLS are used again', async () => {
  const target = await startSecure();
  const agent = await startTestAgent(
    hooksTo({ default: { targets: { url: target.url, tls: { ca: target.ca } }, reuse: false } }),
  );
  for (let count = 0; count < 3; count++) expect((await send(agent.url)).status).toBe(200);
  expect(target.sessions).toEqual([false, true, true]);
});

test('where one target fails by TLS the next one serves, and is not blamed', async () => {
  const [bad, good] = [await startSecure(undefined, -1), await startLinked('https')];
  const targets = [{ url: bad.url, tls: { ca: bad.ca } }, good.target];
  const agent = await startTestAgent(hooksTo({ default: { targets, choose: 'least-connections' } }));
  for (let count = 0; count < 6; count++) {
    expect((await send(agent.url, { method: 'POST', body: 'x' })).status).toBe(200);
  }
  expect(good.requests).toHaveLength(6);
});

test('targets of { ip, port } and of a function speak TLS too', async () => {
  const target = await startLinked('https');
  const { port } = new URL(target.target.url);
  const byAddress = { ip: '127.0.0.1', port, tls: target.target.tls as TlsInput };
  const agent = await startTestAgent(
    hooksTo({ default: byAddress, made: () => ({ ...target.target, tls: { ...(target.target.tls as TlsInput) } }) }),
  );
  for (let count = 0; count < 2; count++) {
    expect((await send(agent.url)).status).toBe(200);
    expect((await send(`${agent.url}/?product=made`)).status).toBe(200);
  }
  // One connection for each name, although the function makes new objects.
  expect(target.connections()).toBe(2);
});

test('a function may name no Unix socket where its targets have to be within networks, and TLS keeps the name it had', async () => {
  const [socket, secure] = [await startLinked('unix'), await startLinked('https')];
  const agent = await startTestAgent(hooksTo({ default: () => socket.target, secure: () => secure.target }), {
    access: { allowedTargets: ['127.0.0.0/8'] },
  });
  expect(codeOf(await send(agent.url))).toBe('target_forbidden');
  expect((await send(`${agent.url}/?product=secure`)).status).toBe(200);
});

test('a certificate that is none, or a key of another one, is refused when the router is read, or as its value', async () => {
  const ca = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  const dir = await makeFolder();
  const { cert } = await readCertificate(await makeCertificate(dir, 'own'));
  const { key } = await readCertificate(await makeCertificate(dir, 'other'));
  const start = (router: Hooks['router']) => startTestAgent(hooksTo(router));
  const url = 'https://a';
  await expect(start({ default: { url, tls: { ca } } })).rejects.toThrow(
    /^hook router: default: tls.ca: it contains no PEM certificate: /,
  );
  await expect(start({ default: { url, tls: { cert: key, key } } })).rejects.toThrow(/: default: tls.cert: /);
  await expect(start({ default: { url, tls: { cert, key } } })).rejects.toThrow(
    /: default: tls.key: it does not fit tls.cert: /,
  );
  await expect(start({ default: { dns: 'a', port: 443, tls: { ca } } })).rejects.toThrow(/: default: tls.ca: /);
  const agent = await start({ default: () => ({ url, tls: { ca } }) });
  expect(codeOf(await send(agent.url))).toBe('router_hook_bad_value');
});

test('targets that DNS names have a certificate of the name that was asked for', async () => {
  const dir = await makeFolder();
  const certificate = await makeCertificate(dir, 'own', { names: 'DNS:push.test' });
  const own = await readCertificate(certificate);
  const server = createServer(own, (request, response) => response.end(request.headers.host));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const names = await startNameServer({ 'push.test': { a: ['127.0.0.1'] }, 'other.test': { a: ['127.0.0.1'] } });
  const tls = { ca: own.cert };
  const agent = await startTestAgent(
    hooksTo({
      default: { dns: 'push.test', port, tls, hostHeader: 'target' },
      other: { dns: 'other.test', port, tls },
      named: { dns: 'other.test', port, tls: { ...tls, servername: 'push.test' } },
    }),
    { routing: { dnsServers: [names.address] } },
  );
  expect((await send(agent.url)).body).toBe(`push.test:${port}`);
  expect(codeOf(await send(`${agent.url}/?product=other`))).toBe('target_tls_name');
  expect((await send(`${agent.url}/?product=named`)).status).toBe(200);
});

test('each side of a tunnel to a target of TLS may end before the other', async () => {
  const own = await readCertificate(await makeCertificate(await makeFolder(), 'target'));
  const coming: ((socket: TLSSocket) => void)[] = [];
  const server = createTlsServer({ ...own, allowHalfOpen: true }, (socket) => {
    socket
      .on('error', () => {})
      .once('data', () => {
        socket.write(sampleAnswer);
        coming.shift()?.(socket);
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const url = `https://localhost:${(server.address() as AddressInfo).port}`;
  const agent = await startTestAgent(hooksTo({ default: { url, tls: { ca: own.cert } } }));
  const open = async () => {
    const target = new Promise<TLSSocket>((resolve) => coming.push(resolve));
    const raw = await openRaw(agent.port, handshakeBytes('/'));
    raw.socket.allowHalfOpen = true;
    await raw.until(/\r\n\r\n/);
    return { raw, target: await target };
  };
  const one = await open();
  const clientEnded = once(one.target, 'end');
  one.raw.socket.end(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x61]));
  await clientEnded;
  one.target.end(Buffer.from([0x81, 4, ...Buffer.from('last')]));
  expect(await one.raw.closed()).toMatch(/last$/);

  const two = await open();
  const targetEnded = once(two.raw.socket, 'end');
  two.target.end(Buffer.from([0x81, 4, ...Buffer.from('only')]));
  await targetEnded;
  expect(two.raw.text()).toMatch(/only$/);
  const got = once(two.target, 'data');
  two.raw.socket.end(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x62]));
  expect(String((await got)[0]).at(-1)).toBe('b');
  await two.raw.closed();
});
