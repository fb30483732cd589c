import type { ServerResponse } from 'node:http';
import type { ServePath } from '@gopush/service';
import type { ClusterView } from '../view/cluster-view.ts';
import { LiveStreams } from './live-stream.ts';

/** The paths of the cluster on an admin listener, by method and path. */
export interface ClusterRoutes {
  readonly routes: Readonly<Record<string, ServePath>>;
  close(): void;
}

/** @param view - `undefined`: this node shows no cluster */
export function createClusterRoutes(view: () => ClusterView | undefined): ClusterRoutes {
  const live = new LiveStreams(async () => {
    const shown = view();
    if (shown === undefined) throw new Error(none);
    return shown.state();
  });
  const serveJson =
    (read: (shown: ClusterView) => Promise<object>): ServePath =>
    async (_request, response) => {
      const shown = view();
      if (shown === undefined) return fail(response, 404, none);
      try {
        const body = JSON.stringify(await read(shown));
        response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(`${body}\n`);
      } catch (error) {
        fail(response, 503, error instanceof Error ? error.message : String(error));
      }
    };
  return {
    routes: {
      'GET /cluster': serveJson((shown) => shown.state()),
      'GET /cluster/history': serveJson((shown) => shown.history()),
      async 'GET /cluster/live'(request, response) {
        if (view() === undefined) return fail(response, 404, none);
        // The headers alone, and no stream.
        if (request.method === 'HEAD') {
          response.writeHead(200, { 'content-type': 'text/event-stream' }).end();
          return;
        }
        if (!live.open(response)) fail(response, 503, 'too many clients listen already');
      },
    },
    close: () => live.close(),
  };
}

const none = 'this node shows no cluster: admin.cluster is off, or the store could not be opened';

function fail(response: ServerResponse, status: number, text: string): void {
  response
    .writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
    .end(`${text}\n`);
}
