import { createTrust } from '@gopush/contract';
import { expect, test } from 'vitest';
import { createSources } from '../../src/route/sources.ts';
import { createMemoryLog, hooksTo, startTestAgent } from '../support/agent.ts';
import { codeOf, handshakeBytes, openRaw, send } from '../support/client.ts';
import { startTarget } from '../support/target.ts';

/** What becomes of a target that a function returned: the address that is connected to, or the code of the refusal. */
async function judge(host: string, allowedTargets: readonly string[]): Promise<string | undefined> {
  const { log } = createMemoryLog();
  const builtIn = { current: () => [] };
  const sources = createSources({ builtIn, dnsServers: [], allows: createTrust(allowedTargets), log });
  const target = { host, port: 80, weight: 1, name: `${host}:80`, authority: `${host}:80` };
  const result = await sources.allowed({ kind: 'list', targets: [target] });
  return result.ok ? result.value[0]?.host : result.failure.code;
}

const loopback = ['127.0.0.0/8', '::1/128'];
const allIPv6 = ['::/0'];

test.each([
  ['169.254.169.254', loopback],
  ['::ffff:169.254.169.254', loopback],
  ['::ffff:169.254.169.254', allIPv6],
  ['::ffff:a9fe:a9fe', allIPv6],
  ['0:0:0:0:0:ffff:a9fe:a9fe', allIPv6],
  ['0:0:0:0:0:FFFF:169.254.169.254', allIPv6],
  ['::ffff:127.0.0.1', ['::1/128']],
  ['fe80::1%lo', ['10.0.0.0/8', '::/0']],
  ['0x7f.1', ['10.0.0.0/8']],
  ['2130706433', ['10.0.0.0/8']],
  ['0', ['10.0.0.0/8']],
  ['localhost', ['10.0.0.0/8']],
  ['fd00::1', loopback],
  ['::', loopback],
])('a function that returns %s where only %j is allowed is refused', async (host, allowed) => {
  expect(await judge(host, allowed)).toBe('target_forbidden');
});

test.each([
  ['169.254.169.254', ['169.254.0.0/16'], '169.254.169.254'],
  ['::ffff:10.1.2.3', ['10.0.0.0/8'], '10.1.2.3'],
  ['::ffff:a01:203', ['10.0.0.0/8'], '10.1.2.3'],
  ['0x7f.1', loopback, '127.0.0.1'],
  ['fd00:0:0::1', ['fd00::/8'], 'fd00::1'],
  ['localhost', ['127.0.0.0/8'], '127.0.0.1'],
])(
  'a function that returns %s where %j is allowed goes to %3$s, which nobody looks up again',
  async (host, allowed, address) => {
    expect(await judge(host, allowed)).toBe(address);
  },
);

test('a client of a forbidden target is told the code, upgrades as well, and the log names the target', async () => {
  const { log, next } = createMemoryLog();
  const router = { default: () => ({ ip: '169.254.169.254', port: 80 }) };
  const agent = await startTestAgent(hooksTo(router), { access: { allowedTargets: loopback } }, log);
  const answer = await send(agent.url);
  expect([answer.status, codeOf(answer)]).toEqual([500, 'target_forbidden']);
  expect(answer.body).not.toMatch(/169\.254/);
  expect((await next(/is not allowed/)).fields).toMatchObject({
    detail: expect.stringMatching(/^169\.254\.169\.254:80 /),
  });
  const text = await (await openRaw(agent.port, handshakeBytes('/'))).closed();
  expect(text).toMatch(/^HTTP\/1\.1 500 [\s\S]*target_forbidden/);
});

test('an allowed target of a function is served; a name that nobody knows is none', async () => {
  const { port } = await startTarget();
  const router = { default: () => ({ ip: 'localhost', port }), unknown: () => ({ ip: 'nowhere.invalid', port }) };
  const agent = await startTestAgent(hooksTo(router), { access: { allowedTargets: ['127.0.0.0/8'] } });
  expect((await send(agent.url)).status).toBe(200);
  expect(codeOf(await send(`${agent.url}/?product=unknown`))).toBe('target_none');
});

test('a list in the router is the word of the operator, and not restricted', async () => {
  const target = await startTarget();
  const agent = await startTestAgent(hooksTo({ default: target }), { access: { allowedTargets: ['10.0.0.0/8'] } });
  expect((await send(agent.url)).status).toBe(200);
});
