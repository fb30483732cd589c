import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile as read, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { ConfigInput, UidHook } from '@gopush/contract';
import { expect, onTestFinished, test } from 'vitest';
import { makeCertificate } from '../../packages/agent/test/support/certificate.ts';
import { freePort } from '../../packages/store/test/support/redis.ts';
import { makeFolder } from '../support/cli.ts';
import { readFile } from '../support/deployment.ts';
import { startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';
import { connectClient } from '../support/socket-io.ts';
import { runTool, whyNot } from '../support/tool.ts';

/** A proxy as `deploy/` configures it, with the addresses, ports and certificates of a test. */
interface Place {
  readonly dir: string;
  readonly plain: number;
  readonly tls: number;
  readonly agent: number;
  readonly admin: number;
  readonly certificate: { readonly certFile: string; readonly keyFile: string; readonly both: string };
}

function nginxFor(file: string, { dir, plain, tls, agent, certificate }: Place): string {
  const site = readFile(file)
    .replace('listen 80;', `listen 127.0.0.1:${plain};`)
    .replace('listen 443 ssl;', `listen 127.0.0.1:${tls} ssl;`)
    .replace('10.0.0.5:6003', `127.0.0.1:${agent}`)
    .replace(/^ *server 10\.0\.0\.6.*\n/m, '')
    .replace(/ssl_certificate .*;/, `ssl_certificate ${certificate.certFile};`)
    .replace(/ssl_certificate_key .*;/, `ssl_certificate_key ${certificate.keyFile};`);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${dir};`);
  return `daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/error.log;
    events {} http { access_log off; ${temporary.join(' ')} ${site} }`;
}

function haproxyFor(file: string, { plain, tls, agent, admin, certificate }: Place): string {
  return readFile(file)
    .replace('maxconn 100000', 'maxconn 100')
    .replace('bind :80', `bind 127.0.0.1:${plain}`)
    .replace('bind :443', `bind 127.0.0.1:${tls}`)
    .replace(/crt \S+/, `crt ${certificate.both}`)
    .replace('check port 9600', `check port ${admin}`)
    .replace('10.0.0.5:6003', `127.0.0.1:${agent}`)
    .replace(/^ *server b .*\n/m, '');
}

const nginx = {
  tool: 'nginx',
  make: nginxFor,
  check: (file: string, dir: string) => ['-t', '-c', file, '-e', join(dir, 'error.log')],
  run: (file: string, dir: string) => ['-c', file, '-e', join(dir, 'error.log')],
};
const haproxy = {
  tool: 'haproxy',
  make: haproxyFor,
  check: (file: string) => ['-c', '-f', file],
  run: (file: string) => ['-db', '-q', '-f', file],
};

const trusting = { trustedProxies: ['127.0.0.1/32'] };
const announced = { proxyProtocol: ['127.0.0.1/32'] };

/** A proxy with one of its files. */
interface Front {
  readonly file: string;
  readonly proxy: typeof nginx | typeof haproxy;
  readonly scheme: 'http' | 'https';
  readonly access: ConfigInput['access'];
}

const fronts: readonly Front[] = [
  { file: 'deploy/nginx/gopush.conf', proxy: nginx, scheme: 'http', access: trusting },
  { file: 'deploy/nginx/gopush-tls.conf', proxy: nginx, scheme: 'https', access: trusting },
  { file: 'deploy/haproxy/http.cfg', proxy: haproxy, scheme: 'http', access: trusting },
  { file: 'deploy/haproxy/tls.cfg', proxy: haproxy, scheme: 'https', access: trusting },
  { file: 'deploy/haproxy/tcp.cfg', proxy: haproxy, scheme: 'https', access: announced },
];

for (const front of fronts) {
  const why = whyNot(front.proxy.tool);
  test.skipIf(why !== '')(`${front.proxy.tool} accepts ${front.file}, and passes on who the client is${why}`, () =>
    connectThrough(front),
  );
}

async function connectThrough({ file, proxy, scheme, access }: Front): Promise<void> {
  const dir = await makeFolder();
  const made = await makeCertificate(dir, 'front');
  const both = join(dir, 'both.pem');
  await writeFile(both, `${await read(made.certFile, 'utf8')}${await read(made.keyFile, 'utf8')}`);
  const endsTls = access === announced;
  const { agent, seen } = await startGateway(access, endsTls ? made : undefined);
  const place: Place = {
    dir,
    plain: await freePort(),
    tls: await freePort(),
    agent: agent.port,
    admin: Number(new URL(agent.adminUrl ?? '').port),
    certificate: { ...made, both },
  };
  const config = join(dir, 'proxy.conf');
  await writeFile(config, proxy.make(file, place));
  const checked = runTool(proxy.tool, proxy.check(config, dir));
  expect(checked.code, checked.output).toBe(0);
  const child = spawn(proxy.tool, proxy.run(config, dir), { stdio: ['ignore', 'ignore', 'inherit'] });
  onTestFinished(async () => {
    if (child.exitCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  });
  const port = scheme === 'https' ? place.tls : place.plain;
  await untilListening(port);
  const forged = {
    'x-forwarded-for': '6.6.6.6',
    'x-forwarded-host': 'evil.test',
    'x-real-ip': '6.6.6.6',
    forwarded: 'for=6.6.6.6',
  };
  for (const transport of ['websocket', 'polling'] as const) {
    const client = await connectClient(`${scheme}://127.0.0.1:${port}`, transport, {
      query: { user: 'ann' },
      rejectUnauthorized: false,
      extraHeaders: forged,
    });
    expect(await client.emitWithAck('go:join', 'lobby')).toMatchObject({ ok: true });
    client.close();
  }
  expect(seen.length).toBeGreaterThan(1);
  for (const headers of seen) {
    expect(headers).not.toMatch(endsTls ? /^never$/ : /6\.6\.6\.6|evil/);
    if (!endsTls) expect(JSON.parse(headers)).toMatchObject({ 'x-forwarded-proto': scheme, host: `127.0.0.1:${port}` });
  }
}

/** A gateway whose hook remembers the headers that it sees. */
async function startGateway(access: ConfigInput['access'], tls: { certFile: string; keyFile: string } | undefined) {
  const seen: string[] = [];
  const remembering: UidHook = ({ headers, query }) => {
    seen.push(JSON.stringify(headers));
    return query.user;
  };
  const servers = await startPushServers(1);
  const agent = await startTestAgent(
    { agent: remembering, onupgrade: remembering, router: { default: targetsOf(servers) } },
    { admin: { agentPort: 0, serverPort: 0 }, ...(access && { access }), agent: tls === undefined ? {} : { tls } },
  );
  return { agent, seen };
}

async function untilListening(port: number): Promise<void> {
  await expect
    .poll(
      async () => {
        const socket = connect(port, '127.0.0.1');
        const isUp = await once(socket, 'connect').then(Boolean, () => false);
        socket.destroy();
        return isUp;
      },
      { timeout: 10_000 },
    )
    .toBe(true);
}
