import { randomBytes } from 'node:crypto';
import { type AdminRoute, type Caller, type Logger, readText, respondJson, respondText } from '@gopush/service';
import { type Store, StoreError } from '@gopush/store';
import { z } from 'zod';
import { shortName } from '../summary/short-name.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import { type Command, longestValue } from './command.ts';

/** A request to act on a node. */
const requestSchema = z.strictObject({
  node: z.string().min(1).max(64),
  action: z.string().min(1).max(64),
  value: z.string().max(longestValue).default(''),
});

/** What actions need. */
export interface ActRouteOptions {
  /** The store and the view of it; `undefined`: this node shows no cluster. */
  readonly shown: () => { readonly store: Pick<Store, 'summaries'>; readonly view: ClusterView } | undefined;
  /** Name of this node. */
  readonly name: string;
  /** Why nothing is shown. */
  readonly none: string;
  readonly log: Logger;
}

/** Largest body, in bytes. */
const maxBytes = 8_192;

/** `POST /cluster/act`: sends an action to any node of the cluster through the store. The summary of that node reports the result. */
export function createActRoute(options: ActRouteOptions): Record<string, AdminRoute> {
  return {
    'POST /cluster/act': {
      needs: 'key',
      async serve(request, response, caller) {
        const text = await readText(request, maxBytes);
        // The rest of a body that was not read would be taken for the next request.
        if (text === undefined) return respondText(response, 413, 'the body is too large\n', { connection: 'close' });
        const { status, ...answer } = await act(options, text, caller);
        if ('problem' in answer) respondText(response, status, `${answer.problem}\n`);
        else respondJson(response, status, answer);
      },
    },
  };
}

type Answer =
  | { readonly status: 202; readonly id: string; readonly node: string; readonly action: string }
  | { readonly status: 400 | 404 | 409 | 503; readonly problem: string };

async function act({ shown, name, none, log }: ActRouteOptions, text: string, caller: Caller): Promise<Answer> {
  const parts = shown();
  if (parts === undefined) return { status: 404, problem: none.trim() };
  const request = read(text);
  if (request === undefined) return { status: 400, problem: 'body: wanted JSON with node, action, and perhaps value' };
  const { node, action, value } = request;
  try {
    const known = await parts.view.node(node);
    if (known === undefined) return { status: 404, problem: `node: found ${node}, wanted the id of a node` };
    if (!known.isThere) return { status: 409, problem: `${known.name} has ended` };
    if (!known.can.includes(action)) {
      return { status: 400, problem: `action: found ${action}, wanted one of ${known.can.join(', ') || 'none'}` };
    }
    const id = randomBytes(9).toString('base64url');
    const command: Command = { v: 1, id, action, value, by: caller.name, from: caller.address, via: shortName(name) };
    const isSent = await parts.store.summaries.send(node, Buffer.from(JSON.stringify(command)));
    if (!isSent) return { status: 409, problem: `another action waits for ${known.name}: try again in a second` };
    const { name: by, address: from } = caller;
    log.info({ by, from, node: known.name, action }, 'admin action for a node');
    return { status: 202, id, node, action };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return { status: error.code === 'bad_argument' ? 400 : 503, problem: error.message };
  }
}

function read(text: string): z.output<typeof requestSchema> | undefined {
  try {
    return requestSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
