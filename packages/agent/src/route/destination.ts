import type { Result, RouteEntry } from '@gopush/contract';
import type { HookSet, RouteSource } from '../hooks/hook-set.ts';

/** The route and the product of a request, before its client is identified. */
export interface Destination {
  /** The route of the router that matches its path and host; `undefined`: none does, and the request names its product itself. */
  readonly entry: RouteEntry | undefined;
  readonly product: Result<string>;
}

/** The entry of the router for a destination; `undefined`: there is none, or the product is not clear. */
export function sourceOf(
  { product }: Pick<Destination, 'product'>,
  { products, otherProducts }: Pick<HookSet, 'products' | 'otherProducts'>,
): RouteSource | undefined {
  return product.ok ? (products.get(product.value) ?? otherProducts) : undefined;
}
