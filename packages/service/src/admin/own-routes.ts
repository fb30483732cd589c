import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics.ts';
import { type AdminRoute, readText, respondText } from './admin-route.ts';
import { setLogLevel } from './set-log-level.ts';
import { throttled } from './throttled.ts';

/** A readiness check: `true`, or the reason why the process is not ready. */
export type Check = () => true | string;

/** Options of {@link ownRoutes}. */
export interface OwnRoutesOptions {
  /** Readiness checks by name. `/readyz` succeeds if all of them do. */
  readonly checks: Readonly<Record<string, Check>>;
  readonly metrics: Metrics;
  /** Returns the JSON of `/state`. */
  readonly state: () => unknown;
  readonly log: Logger;
  /** Actions by method and path, such as `PUT /drain`. Each returns a line for people. @defaultValue none */
  readonly actions?: Readonly<Record<string, () => string | Promise<string>>>;
}

/** The paths that every admin listener has, and its actions. */
export function ownRoutes({ checks, metrics, state, log, actions = {} }: OwnRoutesOptions): Record<string, AdminRoute> {
  // Anyone may ask for them, as often as they like.
  const readMetrics = throttled(() => metrics.read());
  return {
    'GET /livez': { needs: 'nothing', serve: (_request, response) => respondText(response, 200, 'ok\n') },
    'GET /readyz': {
      needs: 'nothing',
      serve(request, response) {
        const query = new URLSearchParams(request.url?.split('?', 2)[1]);
        readiness(response, checks, query.has('verbose'));
      },
    },
    'GET /metrics': {
      needs: 'nothing',
      async serve(_request, response) {
        const { text, type } = await readMetrics();
        respondText(response, 200, text, { 'content-type': type });
      },
    },
    'GET /state': {
      needs: 'read',
      serve: (_request, response) =>
        respondText(response, 200, `${JSON.stringify(state(), undefined, 2)}\n`, {
          'content-type': 'application/json',
        }),
    },
    'PUT /log-level': { needs: 'act', serve: (request, response) => changeLevel(request, response, log) },
    ...Object.fromEntries(
      Object.entries(actions).map(([ask, act]): [string, AdminRoute] => [
        ask,
        {
          needs: 'act',
          serve: async (_request, response) => respondText(response, 200, `${await act()}\n`),
        },
      ]),
    ),
  };
}

function readiness(response: ServerResponse, checks: OwnRoutesOptions['checks'], verbose: boolean): void {
  const results = Object.entries(checks).map(([name, check]) => [name, check()] as const);
  const ready = results.every(([, result]) => result === true);
  const lines = results.map(
    ([name, result]) => `${result === true ? '[+]' : '[-]'} ${name}${result === true ? ' ok' : `: ${result}`}\n`,
  );
  const summary = ready ? 'ready\n' : 'not ready\n';
  respondText(response, ready ? 200 : 503, verbose || !ready ? lines.join('') + summary : summary);
}

async function changeLevel(request: IncomingMessage, response: ServerResponse, log: Logger): Promise<void> {
  const body = await readText(request, 100);
  if (body === undefined) return respondText(response, 413, 'too long\n');
  const level = body.trim();
  const problem = setLogLevel(log, level);
  if (problem !== undefined) return respondText(response, problem.status, `${problem.text}\n`);
  respondText(response, 200, `${level}\n`);
}
