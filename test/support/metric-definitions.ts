import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { startAgent } from '@gopush/agent';
import type { ConfigInput } from '@gopush/contract';
import { startPushServer } from '@gopush/push-server';
import { silentLogger } from '@gopush/service';
import { onTestFinished } from 'vitest';
import { startRedis } from '../../packages/store/test/support/redis.ts';
import { projectFolder } from './cluster.ts';

/** A metric as it is defined, whether or not it has a value. */
interface MetricDefinition {
  readonly type: string;
  readonly labels: readonly string[];
}

/** The definitions of metrics, by name, and what `/metrics` shows of an agent and of a push-server. */
export interface DefinedMetrics {
  readonly definitions: ReadonlyMap<string, MetricDefinition>;
  readonly shown: readonly string[];
}

/** The definition of each metric for the registry of prom-client. */
interface Registered {
  readonly name: string;
  readonly labelNames?: readonly string[];
}

/**
 * Starts an agent and a push-server on Redis, where they have most metrics, and notes each metric when it is defined: what `/metrics` shows has
 * no labels until something is counted.
 */
export async function defineMetrics(): Promise<DefinedMetrics> {
  const service = fileURLToPath(new URL('../../packages/service/package.json', import.meta.url));
  const { collectDefaultMetrics, Registry } = createRequire(service)('prom-client') as {
    collectDefaultMetrics(options: { readonly register: object }): void;
    Registry: { new (): object; prototype: { registerMetric(metric: Registered): void } };
  };
  const { registerMetric } = Registry.prototype;
  const registered: Registered[] = [];
  Registry.prototype.registerMetric = function note(metric): void {
    registered.push(metric);
    registerMetric.call(this, metric);
  };
  try {
    // What runs in a process shares the metrics of Node: an earlier test may have defined them.
    collectDefaultMetrics({ register: new Registry() });
    const dir = await projectFolder();
    const config: ConfigInput = {
      ...{ agentPort: 0, serverPortStart: 0, admin: { agentPort: 0, serverPort: 0 } },
      redisAdapter: { port: (await startRedis()).port },
    };
    const shared = { config, dir, logger: silentLogger };
    const server = await startPushServer(shared);
    onTestFinished(() => server.close());
    // Hooks that are files are watched, and their reloads counted.
    const agent = await startAgent({ ...shared, hooks: { dir, environment: 'local' } });
    onTestFinished(() => agent.close());
    const shown: string[] = [];
    for (const node of [agent, server]) shown.push(await (await fetch(`${node.adminUrl}/metrics`)).text());
    const types = new Map(shown.flatMap(typesIn));
    const definitions = registered.map(({ name, labelNames = [] }): [string, MetricDefinition] => [
      name,
      { type: types.get(name) ?? 'not shown', labels: labelNames },
    ]);
    return { definitions: new Map(definitions), shown };
  } finally {
    Registry.prototype.registerMetric = registerMetric;
  }
}

function typesIn(text: string): [string, string][] {
  return [...text.matchAll(/^# TYPE (\S+) (\w+)$/gm)].map(([, name = '', type = '']) => [name, type]);
}

/** The labels of what Prometheus stores under a name; `undefined`: there is no such metric. */
export function labelsOf(name: string, definitions: DefinedMetrics['definitions']): readonly string[] | undefined {
  const plain = definitions.get(name);
  if (plain !== undefined) return plain.type === 'histogram' ? undefined : plain.labels;
  const [, base = '', part] = /^(.*)_(bucket|sum|count)$/.exec(name) ?? [];
  const whole = definitions.get(base);
  if (whole?.type !== 'histogram') return undefined;
  return part === 'bucket' ? [...whole.labels, 'le'] : whole.labels;
}
