import { createConfig, signatureHeader, signIdentity } from '@gopush/contract';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createMemoryLog } from '../../../../test/support/log.ts';
import { createIdentityCheck } from '../../src/access/identity-check.ts';

const secret = 'a secret of at least 32 characters';
const headers = { 'x-gopush-uid': 'ann', 'x-gopush-product': 'default', 'x-gopush-agent': 'a', 'x-request-id': '1' };

function start(access: object = {}) {
  const { logger, lines } = createMemoryLog();
  const config = createConfig({ access: { secrets: [secret], ...access }, pushServer: { host: '10.0.0.7' } });
  const isBelieved = createIdentityCheck(config, logger);
  return { isBelieved, lines };
}

/** A request at this push-server with an identity that was signed for an audience. */
function request(audience: string, localAddress = '10.0.0.7') {
  const signature = signIdentity(secret, headers, Date.now() + 1_000, audience);
  return { headers: { ...headers, [signatureHeader]: signature }, socket: { localAddress, localPort: 7_000 } };
}

test.each([
  ['push-server', true],
  ['10.0.0.7:7000', true],
  ['10.0.0.7:7001', false],
  ['10.0.0.8:7000', false],
  ['localhost:7000', false],
  ['chat.internal', false],
])('an identity signed for %s is believed: %s', (audience, expected) => {
  const { isBelieved, lines } = start();
  expect(isBelieved(request(audience))).toBe(expected);
  expect(lines).toHaveLength(expected ? 0 : 1);
});

test('localhost is this push-server where it is asked by a loopback address, and other names where the settings have them', () => {
  expect(start().isBelieved(request('localhost:7000', '127.0.0.1'))).toBe(true);
  expect(start({ audiences: ['chat.internal'] }).isBelieved(request('chat.internal'))).toBe(true);
});

test('the first result counts for a request, also when its signature has expired', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { isBelieved } = start();
  const [before, after] = [request('push-server'), request('push-server')];
  expect(isBelieved(before)).toBe(true);
  vi.advanceTimersByTime(3_000);
  expect([isBelieved(before), isBelieved(after)]).toEqual([true, false]);
});

test('an identity that was changed after it was signed is not believed, without a warning', () => {
  const { isBelieved, lines } = start();
  const { headers: signed, socket } = request('push-server');
  expect(isBelieved({ headers: { ...signed, 'x-gopush-uid': 'bob' }, socket })).toBe(false);
  expect(lines).toEqual([]);
});
