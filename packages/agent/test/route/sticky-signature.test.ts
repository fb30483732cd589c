import { createStickySignatures } from '@gopush/contract';
import { expect, test } from 'vitest';
import type { Member } from '../../src/route/fleet.ts';
import { stickySignatureFor } from '../../src/route/sticky.ts';
import { createExchange } from '../support/exchange.ts';
import { createMembers } from '../support/members.ts';

const signatures = createStickySignatures(() => ['secret']);
const identity = { product: 'default', uid: 'ann' };
const handshake = '/socket.io/?EIO=4&transport=polling';

/** A target of a product with this setting. */
function targetWith(sticky: 'none' | 'sid' | 'cookie', index = 0): Member {
  const member = createMembers([1, 1])[index] as Member;
  member.product.policy = { ...member.product.policy, sticky };
  return member;
}

test('a handshake has a signature for the session id, and a cookie where the product wants one', () => {
  const exchange = createExchange(handshake);
  expect(stickySignatureFor(exchange, identity, targetWith('none'), signatures)).toBeUndefined();
  const bySid = stickySignatureFor(exchange, identity, targetWith('sid'), signatures);
  expect(bySid).toEqual({ header: expect.any(String), cookie: undefined });
  const byCookie = stickySignatureFor(exchange, identity, targetWith('cookie'), signatures);
  expect(byCookie?.cookie).toContain(`=${byCookie?.header}; Path=/;`);
});

test('a cookie is set again only where it is of another target', () => {
  const target = targetWith('cookie');
  const first = stickySignatureFor(createExchange('/page'), identity, target, signatures);
  const cookie = String(first?.cookie).split(';')[0] as string;
  const again = createExchange('/page', { cookie });
  expect(stickySignatureFor(again, identity, target, signatures)).toBeUndefined();
  expect(stickySignatureFor(again, identity, targetWith('cookie', 1), signatures)?.cookie).toBeDefined();
  expect(stickySignatureFor(again, { ...identity, uid: 'bob' }, target, signatures)?.cookie).toBeDefined();
  expect(stickySignatureFor(again, identity, targetWith('sid'), signatures)).toBeUndefined();
});
