import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Agent, type AgentOptions, startAgent } from '@gopush/agent';
import type { ConfigInput, UidHook } from '@gopush/contract';
import { type PushServer, type PushServerOptions, startPushServer } from '@gopush/push-server';
import { silentLogger } from '@gopush/service';
import { onTestFinished } from 'vitest';

/** In tests a client is who its `user` parameter says. */
export const believing: UidHook = (request) => request.query.user;

/** An agent on a free port that ends with the test. */
export async function startTestAgent(hooks: AgentOptions['hooks'] & object, config: ConfigInput = {}): Promise<Agent> {
  const agent = await startAgent({
    config: {
      agentPort: 0,
      ...config,
      // On a machine that has much to do with other tests the agent would refuse what this one asks.
      limits: { eventLoopDelayMs: 0, ...config.limits },
      agent: { host: '127.0.0.1', drainMs: 200, ...config.agent },
    },
    hooks,
    logger: silentLogger,
  });
  onTestFinished(() => agent.close());
  return agent;
}

/** Push-servers on free ports, joined by the embedded fan-out, that end with the test. */
export async function startPushServers(
  count: number,
  config: ConfigInput = {},
  options: Pick<PushServerOptions, 'hooks' | 'logger' | 'setup'> = {},
): Promise<PushServer[]> {
  const fanoutDir = await mkdtemp(join(tmpdir(), 'gopush-'));
  const servers: PushServer[] = [];
  onTestFinished(async () => {
    await Promise.all(servers.map((server) => server.close()));
    await rm(fanoutDir, { recursive: true, force: true });
  });
  for (let index = 0; index < count; index++) {
    servers.push(
      await startPushServer({
        config: {
          serverPortStart: 0,
          ...config,
          pushServer: {
            fanoutDir,
            storeDir: join(fanoutDir, 'store'),
            drainMs: 200,
            ...config.pushServer,
            // As with agents.
            limits: { beginDelayMs: 0, ...config.pushServer?.limits },
          },
        },
        node: `push-server-${index}`,
        logger: silentLogger,
        ...options,
      }),
    );
  }
  return servers;
}

/** Push-servers as a router names them. */
export function targetsOf(servers: readonly PushServer[]): { ip: string; ports: number[] }[] {
  return [{ ip: '127.0.0.1', ports: servers.map((server) => server.port) }];
}
