import { z } from 'zod';
import { summarySchema } from '../summary/summary.ts';

/** Most entries of the lists of a cluster. What is left out is counted. */
export const mostShown = {
  nodes: 200,
  products: 100,
  targets: 200,
  links: 200,
  rooms: 50,
  causes: 20,
  targetCauses: 6,
  restarts: 40,
};

const count = z.number().min(0);
const name = z.string();
const causes = z.array(z.strictObject({ cause: name, count }));
const { process, clients, totals, perSecond, migrations, store } = summarySchema.shape;

const node = z.strictObject({
  id: name,
  tier: name,
  name: name.meta({ description: 'Its name, the same after a restart.' }),
  host: name,
  pid: count,
  version: name,
  state: name.meta({
    description:
      'starting, ready, impaired (it serves, and something does not work), draining, left (it ended by plan), or gone (it ended without a word, or cannot reach the store).',
  }),
  stateSince: count.meta({ description: 'Since when it has been in this state, in milliseconds since 1970.' }),
  why: name.optional().meta({ description: 'Why it is not ready.' }),
  address: name.optional().meta({ description: 'Host and port for clients.' }),
  adminUrl: name.optional().meta({ description: 'Its admin listener, as seen from its machine.' }),
  startedAt: count.meta({ description: 'In milliseconds since 1970, by the clock of the node that responds.' }),
  seenAt: count.meta({ description: 'When it was heard of last: of a node that is gone, when it ended.' }),
  process,
  clients,
  totals,
  perSecond,
  migrations,
  store,
  can: z.array(name).meta({ description: 'What POST /cluster/act can have it do.' }),
  actions: z
    .array(
      z.strictObject({
        id: name,
        action: name,
        by: name.meta({ description: 'Name of the key.' }),
        at: count.meta({ description: 'In milliseconds since 1970.' }),
        result: name.optional().meta({ description: 'What was done, or why not; absent: it is under way.' }),
        isDone: z.boolean().optional(),
      }),
    )
    .meta({ description: 'The last actions that operators asked for, the newest first.' }),
});

/** What goes over a line of the map. */
const carried = {
  connections: count,
  handedOff: count.meta({ description: 'Those connections that were handed over to the target.' }),
  perSecond: count.meta({
    description:
      'Messages each way, and requests. Those of connections that were handed over are told by push-servers, and divided by connections.',
  }),
  errors: count,
};

const target = z.strictObject({
  target: name,
  node: name.optional().meta({ description: 'Id of the push-server that it is.' }),
  states: z.record(name, count).meta({ description: 'Number of agents by how they see it.' }),
  why: name.optional(),
  ...carried,
  causes: causes.meta({ description: 'Its errors by failure code, most frequent first.' }),
});

/** Numbers of all nodes of a tier that are there. */
const tier = z.strictObject({
  nodes: count,
  connections: count,
  handedOff: count,
  ownedAlone: count,
  held: count,
  perSecond,
  migrations: migrations.omit({ longestPauseMs: true, p99PauseMs: true }).extend({
    longestPauseMs: count.meta({ description: 'Longest pause of a client in the last minute, in milliseconds.' }),
    p99PauseMs: count.meta({ description: 'Largest of the 99th percentiles of the nodes, in milliseconds.' }),
  }),
  loopDelayMs: count.meta({ description: 'Of the node with the longest delay.' }),
  storeMs: count.meta({ description: 'Slowest write of a summary to the store, in milliseconds.' }),
});

/** The response to `GET /cluster`. */
export const clusterSchema = z.strictObject({
  v: z.literal(1),
  at: count.meta({ description: 'When it was made, in milliseconds since 1970.' }),
  by: name.meta({ description: 'Name of the node that responds.' }),
  isHealthy: z.boolean().meta({ description: 'Whether all nodes that are there are ready, and none is gone.' }),
  problems: z.array(name).meta({ description: 'What is wrong, a line for each.' }),
  store: z.strictObject({ kind: name, state: name, problem: name.optional() }),
  unread: count.meta({ description: 'Summaries that could not be read: damaged, or of another version.' }),
  tiers: z.record(name, tier),
  nodes: z.array(node),
  products: z.array(z.strictObject({ product: name, ...carried, targets: z.array(target) })),
  links: z
    .array(z.strictObject({ agent: name, product: name, ...carried, causes }))
    .meta({ description: 'What goes from each agent, by id, to each product.' }),
  rooms: z
    .array(
      z.strictObject({
        room: name,
        members: count,
        servers: count,
        perSecond: count.optional().meta({ description: 'Messages per second; absent: it keeps none.' }),
      }),
    )
    .meta({ description: 'The rooms with most connections.' }),
  restarts: z
    .array(
      z.strictObject({
        node: name
          .optional()
          .meta({ description: 'Id of the push-server; absent: it is none, or not known any more.' }),
        name: name.meta({ description: 'Its name, or the address of the target.' }),
        what: z.enum(['drain', 'stop', 'crash', 'move']).meta({
          description:
            'drain: it drains; stop: it ended by plan; crash: it is gone; move: it is there, and sessions moved away from it.',
        }),
        startedAt: count.meta({ description: 'When the first session began to move, in milliseconds since 1970.' }),
        endedAt: count.meta({ description: 'When the last one had moved.' }),
        migrated: count,
        failedOver: count,
        fellBack: count.meta({ description: 'Sessions whose clients had to reconnect.' }),
        longestPauseMs: count.meta({ description: 'Longest pause of a client, in milliseconds.' }),
      }),
    )
    .meta({
      description: 'Drains, stops and crashes of the last 15 minutes, and other moves of sessions, newest first.',
    }),
  refusals: causes.meta({ description: 'Refusals since the start of the nodes, by failure code.' }),
  fallbacks: causes.meta({ description: 'Sessions that neither migrated nor failed over, by cause.' }),
  leftOut: z.record(name, count).meta({ description: 'Number of entries that the lists leave out.' }),
});

/** The cluster, as any node shows it. */
export type ClusterState = z.output<typeof clusterSchema>;

/** The JSON Schema of the response to `GET /cluster`. */
export function clusterJsonSchema(): object {
  return {
    ...z.toJSONSchema(clusterSchema),
    title: 'The state of a gopush cluster: GET /cluster of an admin listener',
  };
}
