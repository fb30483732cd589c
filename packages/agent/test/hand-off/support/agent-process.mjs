/** An agent that hands connections over, as a process of its own: `node agent-process.mjs <folder> <port of the target>`. Prints its URL. */
import { startAgent } from '@gopush/agent';

const [, , dir, port] = process.argv;
const agent = await startAgent({
  config: {
    agentPort: 0,
    agent: { host: '127.0.0.1', drainMs: 100 },
    handOff: { enabled: true, dir },
    limits: { eventLoopDelayMs: 0 },
  },
  hooks: { agent: () => 'ann', router: { default: { ip: '127.0.0.1', port: Number(port) } } },
});
process.stdout.write(`${agent.url}\n`);
