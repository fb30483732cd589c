import { startAgent } from '@gopush/agent';
import type { ConfigInput } from '@gopush/contract';
import { onTestFinished } from 'vitest';
import { believing } from './gateway.ts';
import { createMemoryLog } from './log.ts';
import { admin } from './metrics.ts';

/** An agent that says what became of sessions. */
export async function startCountingAgent(config: ConfigInput, hooks: object = {}) {
  const { logger, lines } = createMemoryLog();
  const agent = await startAgent({
    config: {
      agentPort: 0,
      ...config,
      ...admin,
      limits: { eventLoopDelayMs: 0 },
      agent: { host: '127.0.0.1', drainMs: 200, ...config.agent },
    },
    hooks: { agent: believing, onupgrade: believing, ...hooks },
    logger,
  });
  onTestFinished(() => agent.close());
  const fieldsOf = (message: RegExp) => lines.filter((line) => message.test(line.message)).map(({ fields }) => fields);
  return {
    agent,
    moves: () => fieldsOf(/^session (migrated|failed over)$/),
    fallbacks: () => fieldsOf(/could not migrate or fail over/).map(({ cause }) => cause),
  };
}
