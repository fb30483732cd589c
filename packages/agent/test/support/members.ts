import { createTarget, type ProductPolicy } from '@gopush/contract';
import { type Member, Product } from '../../src/route/fleet.ts';

/** Settings of a product as they are by default. */
export const plainPolicy: ProductPolicy = {
  choose: 'hash',
  boundedLoad: 1.25,
  sticky: 'sid',
  check: 'none',
  holdMs: 0,
  reuse: true,
  identity: 'headers',
  preflight: 'answer',
  public: false,
};

/** The members of a product with one target for each weight. */
export function createMembers(weights: readonly number[], now = 0): readonly Member[] {
  const targets = weights.map((weight, index) => createTarget('127.0.0.1', 4000 + index, weight));
  return new Product('default', plainPolicy).list(targets, now, 0);
}

/** Numbers from 0 to below 1 that are the same each time (Park and Miller, 1988). */
export function createRandom(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return (state - 1) / 2147483646;
  };
}
