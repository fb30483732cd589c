import { type AdminRoute, respondJson, respondText } from '@gopush/service';
import type { ClusterView } from '../view/cluster-view.ts';
import { LiveStreams } from './live-stream.ts';

/** The paths of the cluster on an admin listener, by method and path. */
export interface ClusterRoutes {
  readonly routes: Readonly<Record<string, AdminRoute>>;
  close(): void;
}

/** @param view - `undefined`: this node shows no cluster */
export function createClusterRoutes(view: () => ClusterView | undefined): ClusterRoutes {
  const live = new LiveStreams(async () => {
    const shown = view();
    if (shown === undefined) throw new Error(none.trim());
    return shown.state();
  });
  const readJson = (read: (shown: ClusterView) => Promise<object | undefined>, absent = none): AdminRoute => ({
    needs: 'read',
    async serve(_request, response) {
      const shown = view();
      if (shown === undefined) return respondText(response, 404, none);
      try {
        const found = await read(shown);
        if (found === undefined) respondText(response, 404, absent);
        else respondJson(response, 200, found);
      } catch (error) {
        respondText(response, 503, `${error instanceof Error ? error.message : String(error)}\n`);
      }
    },
  });
  const noRouter = 'no agent is there that tells its routes\n';
  return {
    routes: {
      'GET /cluster': readJson((shown) => shown.state()),
      'GET /cluster/routes': readJson((shown) => shown.router(), noRouter),
      'GET /cluster/history': readJson((shown) => shown.history()),
      'GET /cluster/live': {
        needs: 'read',
        serve(request, response, { name, hasKey, address }) {
          if (view() === undefined) return respondText(response, 404, none);
          // The headers alone, and no stream.
          if (request.method === 'HEAD')
            return void response.writeHead(200, { 'content-type': 'text/event-stream' }).end();
          // All programs of this machine are one without a key: they have more addresses than there are streams.
          const of = hasKey ? `key ${name} at ${address}` : 'no key';
          if (!live.open(response, of)) respondText(response, 503, 'too many clients listen already\n');
        },
      },
    },
    close: () => live.close(),
  };
}

/** Why nothing is shown. */
export const none = 'this node shows no cluster: admin.cluster is off, or the store could not be opened\n';
