import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Agent, startAgent } from '@gopush/agent';
import type { ClusterState } from '@gopush/cluster';
import type { ConfigInput } from '@gopush/contract';
import { type PushServer, startPushServer } from '@gopush/push-server';
import { type Logger, silentLogger } from '@gopush/service';
import { onTestFinished } from 'vitest';
import { believing } from './gateway.ts';

/** A node of a cluster. */
export type ClusterNode = Pick<Agent | PushServer, 'adminUrl' | 'close'>;

/** A folder of a project that goes with the test. */
export async function projectFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-cluster-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** An agent and two push-servers that share a store. */
export async function startCluster(config: ConfigInput = {}, logger: Logger = silentLogger) {
  const dir = await projectFolder();
  const nodes: ClusterNode[] = [];
  onTestFinished(async () => {
    for (const node of nodes.toReversed()) await node.close();
  });
  const shared: ConfigInput = { admin: { agentPort: 0, serverPort: 0 }, ...config };
  const servers: PushServer[] = [];
  for (const index of [0, 1]) {
    const pushServer = { ...config.pushServer, fanoutDir: join(dir, 'fanout'), drainMs: 200 };
    servers.push(
      await startPushServer({
        config: { serverPortStart: 0, ...shared, pushServer },
        ...{ dir, node: `server-${index}`, logger },
      }),
    );
  }
  const targets = servers.map(({ port }) => ({ ip: '127.0.0.1', port }));
  const agent = await startAgent({
    config: { agentPort: 0, ...shared, limits: { eventLoopDelayMs: 0 }, agent: { host: '127.0.0.1', drainMs: 200 } },
    hooks: { onupgrade: believing, agent: believing, router: { default: targets, game: targets } },
    ...{ dir, node: 'agent-0', logger },
  });
  nodes.push(...servers, agent);
  return { agent, servers, dir };
}

/** What a node shows of the cluster. */
export async function lookAt({ adminUrl }: ClusterNode): Promise<ClusterState> {
  return (await fetch(`${adminUrl}/cluster`)).json() as Promise<ClusterState>;
}
