import type { ClusterState } from '@gopush/cluster';
import { useEffect, useState } from 'preact/hooks';
import { ask } from './ask.ts';
import { count } from './format.ts';
import { type ListedProduct, type ProductRow, productRows, type Router } from './route-rows.ts';
import { StateMark } from './state-mark.tsx';

/** How often the router is read again, in milliseconds: hooks are loaded anew when their files change. */
const readMs = 10_000;

/** Most routes that are shown. */
const most = 50;

/** The routes and products of the router, with their targets as all agents see them. */
export function Routes({ state }: { readonly state: ClusterState }) {
  const [router, setRouter] = useState<Router | string>();
  useEffect(() => {
    const read = async (): Promise<void> => {
      const { status, value } = await ask('cluster/routes');
      if (status === 200) setRouter(value as Router);
      // What was shown stays while this node cannot be reached.
      else if (status === 404) setRouter('Open this page at an agent to see the routes: push-servers have no router.');
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
          <RouteTable router={router} />
          <ProductTable router={router} state={state} />
        </>
      ) : (
        <p class="empty">{router ?? 'Reading the router …'}</p>
      )}
    </section>
  );
}

function RouteTable({ router: { routes, leftOut } }: { readonly router: Router }) {
  if (routes.length === 0) {
    return (
      <p class="empty">
        No routes by path or host: requests name their product by <code>?product=</code>.
      </p>
    );
  }
  const left = Math.max(0, routes.length - most) + leftOut.routes;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard */}
      <section class="scroll tall" aria-label="Table of routes" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">host</th>
              <th scope="col">path</th>
              <th scope="col">product</th>
              <th scope="col">how</th>
            </tr>
          </thead>
          <tbody>
            {routes.slice(0, most).map(({ host, path, product, stripPath, public: isPublic }, index) => (
              <tr key={index}>
                <td>{host ?? 'all'}</td>
                <td>{path ?? 'all'}</td>
                <th scope="row">{product}</th>
                <td>{[stripPath && 'strips the path', isPublic && 'public'].filter(Boolean).join(', ') || '–'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {left > 0 && <p class="more">{count(left)} more routes: gopush routes lists them.</p>}
    </>
  );
}

function ProductTable({ router, state }: { readonly router: Router; readonly state: ClusterState }) {
  const { rows, left } = productRows(router, state);
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard */}
      <section class="scroll tall apart" aria-label="Table of products and their targets" tabIndex={0}>
        <table class="wide">
          <thead>
            <tr>
              <th scope="col">product</th>
              <th scope="col">targets from</th>
              <th scope="col">chosen by</th>
              <th scope="col">target</th>
              <th scope="col">state, at so many agents</th>
              <th scope="col" class="number">
                connections
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <ProductLine key={`${row.product.product} ${row.target?.target}`} row={row} />
            ))}
          </tbody>
        </table>
      </section>
      {left > 0 && <p class="more">{count(left)} more targets: gopush routes lists them.</p>}
    </>
  );
}

function ProductLine({ row: { product, isFirst, target } }: { readonly row: ProductRow }) {
  return (
    <tr>
      <th scope="row">{product.product}</th>
      <td>{isFirst && sourceOf(product)}</td>
      <td>{isFirst && policyOf(product)}</td>
      <td>{target?.target ?? '–'}</td>
      <td>
        {target !== undefined && target.states.length === 0 && 'not used yet'}
        {target?.states.map(([state, agents]) => (
          <span key={state}>
            <StateMark state={state} /> {agents}{' '}
          </span>
        ))}
        {target?.why !== undefined && `(${target.why})`}
      </td>
      <td class="number">{target === undefined ? '' : count(target.connections)}</td>
    </tr>
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
