import type { RouterState } from '@gopush/cluster';
import type { SeenRoutes, SeenTarget } from '../api/read-router.ts';
import { clean } from './clean.ts';
import { lookOf } from './cluster-lines.ts';
import type { Paint } from './style.ts';
import { type Column, layOutTable } from './table.ts';
import { shortCount } from './units.ts';

/** A line of the table of products: one for each target, the product only in the first. */
interface Line {
  readonly product: SeenRoutes['products'][number] | undefined;
  readonly target: SeenTarget | undefined;
}

/** Most targets of a product, and most routes and products, that are shown. */
const most = { targets: 20, entries: 100 };

/** The routes and products of a router as lines for a terminal. */
export function routesLines({ by, routes, products, leftOut }: SeenRoutes, width: number, paint: Paint): string[] {
  const shown = products.slice(0, most.entries);
  const lines = shown.flatMap((product): Line[] => {
    const [first, ...others] = product.targets.slice(0, most.targets);
    return [{ product, target: first }, ...others.map((target) => ({ product: undefined, target }))];
  });
  const left = [
    ...count(routes.length - most.entries + leftOut.routes, 'routes'),
    ...count(products.length - shown.length + leftOut.products, 'products'),
    ...count(
      shown.reduce((sum, { targets }) => sum + Math.max(0, targets.length - most.targets), 0),
      'targets',
    ),
  ];
  return [
    ...(routes.length === 0
      ? [paint(`no routes by path or host at ${clean(by)}: requests name their product by ?product=`, 'dim')]
      : layOutTable(routeColumns, routes.slice(0, most.entries), width, paint)),
    '',
    ...layOutTable(productColumns(paint), lines, width, paint),
    ...left,
  ];
}

const routeColumns: Column<RouterState['routes'][number]>[] = [
  { title: 'HOST', cell: ({ host }) => clean(host ?? '*') },
  { title: 'PATH', cell: ({ path }) => clean(path ?? '/') },
  { title: 'PRODUCT', cell: ({ product }) => clean(product) },
  {
    title: 'HOW',
    cell: (route) =>
      [route.stripPath ? 'strips the path' : '', route.public ? 'public' : ''].filter(Boolean).join(', '),
  },
];

function productColumns(paint: Paint): Column<Line>[] {
  return [
    { title: 'PRODUCT', cell: ({ product }) => clean(product?.product ?? '') },
    {
      title: 'FROM',
      cell: ({ product }) => clean(product === undefined ? '' : [product.from, product.of ?? ''].join(' ').trim()),
    },
    { title: 'CHOOSE', cell: ({ product }) => product?.choose ?? '' },
    { title: 'STICKY', cell: ({ product }) => product?.sticky ?? '' },
    { title: 'TARGET', cell: ({ target }) => clean(target?.target ?? '-') },
    {
      title: 'STATE',
      cell: ({ target }) => (target === undefined ? '' : stateOf(target, paint)),
    },
    {
      title: 'CLIENTS',
      isNumber: true,
      cell: ({ target }) => (target === undefined ? '' : shortCount(target.connections)),
    },
  ];
}

function stateOf({ states, why }: SeenTarget, paint: Paint): string {
  const all = Object.entries(states).map(([state, agents]) => paint(`${clean(state)} ${agents}`, lookOf(state)));
  if (all.length === 0) return paint('not used yet', 'dim');
  return all.join(' ') + (why === undefined ? '' : ` (${clean(why)})`);
}

function count(left: number, what: string): string[] {
  return left > 0 ? [`… ${what}: ${left} more`] : [];
}
