import type { RouterFacts } from './router-state.ts';
import { shortName } from './short-name.ts';

/** Most bytes of a router in a summary, and most targets of a product: the agent itself shows the others. */
const most = { bytes: 4_096, targets: 16 };

/** A router as JSON that is short enough for a summary, with as much of the beginnings of its lists as fits. */
export function fitRouter(router: RouterFacts): string {
  let { length } = router.routes;
  length = Math.max(length, router.products.length);
  for (; ; length = Math.floor(length / 2)) {
    const text = JSON.stringify(cut(router, length));
    if (Buffer.byteLength(text) <= most.bytes || length === 0) return text;
  }
}

function cut({ routes, products, leftOut }: RouterFacts, length: number): RouterFacts {
  return {
    routes: routes.slice(0, length).map((route) => ({
      ...route,
      host: short(route.host),
      path: short(route.path),
      product: shortName(route.product),
    })),
    products: products.slice(0, length).map((one) => ({
      ...one,
      product: shortName(one.product),
      of: short(one.of),
      targets: one.targets?.slice(0, most.targets).map(shortName) ?? null,
    })),
    leftOut: {
      routes: leftOut.routes + Math.max(0, routes.length - length),
      products: leftOut.products + Math.max(0, products.length - length),
    },
  };
}

function short(name: string | null): string | null {
  return name === null ? null : shortName(name);
}
