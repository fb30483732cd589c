import type { HookSet, RouteSource } from '../hooks/hook-set.ts';
import type { Destination } from './locate.ts';

/** The entry of the router that a request is for; `undefined`: there is none, or nobody can tell which. */
export function sourceOf(
  { product }: Pick<Destination, 'product'>,
  { products, otherProducts }: Pick<HookSet, 'products' | 'otherProducts'>,
): RouteSource | undefined {
  return product.ok ? (products.get(product.value) ?? otherProducts) : undefined;
}
