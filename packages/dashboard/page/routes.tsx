import type { ClusterState, RouterState } from '@gopush/cluster';
import { useEffect, useState } from 'preact/hooks';
import { ask } from './ask.ts';
import { count } from './format.ts';
import { type ListedProduct, type ProductRow, productRows } from './route-rows.ts';
import { StateMark } from './state-mark.tsx';
import { Table, type TableColumn } from './table.tsx';

/** How often the router is read again, in milliseconds: hooks are loaded anew when their files change. */
const readMs = 10_000;

/** Most routes that are shown. */
const most = 50;

/** The routes and products of the router, with their targets as all agents see them. */
export function Routes({ state }: { readonly state: ClusterState }) {
  const [router, setRouter] = useState<RouterState | string>();
  useEffect(() => {
    const read = async (): Promise<void> => {
      const { status, value } = await ask('cluster/routes');
      if (status === 200) setRouter(value as RouterState);
      // What was shown stays while this node cannot be reached.
      else if (status === 404) setRouter('No agent tells its routes: start one (gopush start agent).');
      else setRouter((before) => before ?? String(value));
    };
    void read();
    const timer = setInterval(() => void read(), readMs);
    return () => clearInterval(timer);
  }, []);
  return (
    <section aria-labelledby="routes">
      <h2 id="routes">Routes</h2>
      {typeof router === 'object' ? (
        <>
          {router.by !== state.by && <p class="more">As {router.by} tells them.</p>}
          <RouteTable router={router} />
          <ProductTable router={router} state={state} />
        </>
      ) : (
        <p class="empty">{router ?? 'Reading the router …'}</p>
      )}
    </section>
  );
}

const routeColumns: readonly TableColumn<RouterState['routes'][number]>[] = [
  { name: 'host', cell: ({ host }) => host ?? 'all' },
  { name: 'path', cell: ({ path }) => path ?? 'all' },
  { name: 'product', isRowHeader: true, cell: ({ product }) => product },
  {
    name: 'how',
    cell: (route) => [route.stripPath && 'strips the path', route.public && 'public'].filter(Boolean).join(', ') || '–',
  },
];

function RouteTable({ router: { routes, leftOut } }: { readonly router: RouterState }) {
  if (routes.length === 0) {
    return (
      <p class="empty">
        No routes by path or host: requests name their product by <code>?product=</code>.
      </p>
    );
  }
  const left = Math.max(0, routes.length - most) + leftOut.routes;
  return (
    <Table
      label="Table of routes"
      columns={routeColumns}
      rows={routes.slice(0, most)}
      keyOf={(_route, index) => index}
      more={left > 0 ? `${count(left)} more routes: gopush routes lists them.` : undefined}
    />
  );
}

const productColumns: readonly TableColumn<ProductRow>[] = [
  { name: 'product', isRowHeader: true, cell: ({ product }) => product.product },
  { name: 'targets from', cell: ({ product, isFirst }) => isFirst && sourceOf(product) },
  { name: 'chosen by', cell: ({ product, isFirst }) => isFirst && policyOf(product) },
  { name: 'target', cell: ({ target }) => target?.target ?? '–' },
  { name: 'state, at so many agents', cell: ({ target }) => target && <States target={target} /> },
  { name: 'connections', isNumber: true, cell: ({ target }) => target && count(target.connections) },
];

function ProductTable({ router, state }: { readonly router: RouterState; readonly state: ClusterState }) {
  const { rows, left } = productRows(router, state);
  return (
    <div class="apart">
      <Table
        label="Table of products and their targets"
        columns={productColumns}
        rows={rows}
        keyOf={({ product, target }) => `${product.product} ${target?.target}`}
        more={left > 0 ? `${count(left)} more targets: gopush routes lists them.` : undefined}
      />
    </div>
  );
}

function States({ target: { states, why } }: { readonly target: NonNullable<ProductRow['target']> }) {
  return (
    <>
      {states.length === 0 && 'not used yet'}
      {states.map(([state, agents]) => (
        <span key={state}>
          <StateMark state={state} /> {agents}{' '}
        </span>
      ))}
      {why !== undefined && `(${why})`}
    </>
  );
}

function sourceOf({ from, of }: ListedProduct): string {
  const words: Readonly<Record<string, string>> = {
    'built-in': 'push-servers',
    list: 'a list',
    function: 'a function',
  };
  return [words[from] ?? from, of].filter(Boolean).join(' ');
}

function policyOf({ choose, sticky, public: isPublic }: ListedProduct): string {
  return [choose, sticky === 'none' ? '' : `sticky ${sticky}`, isPublic ? 'public' : ''].filter(Boolean).join(', ');
}
