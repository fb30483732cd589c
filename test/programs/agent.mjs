// An agent in a process of its own: its settings and its push-servers are the arguments, as JSON. A client is who its query says.
import { startAgent } from '@gopush/agent';

const [settings, targets, node] = process.argv.slice(2);
const agent = await startAgent({
  config: JSON.parse(settings),
  node,
  hooks: { agent: (request) => request.query.user, router: { default: () => JSON.parse(targets) } },
});
process.once('SIGTERM', async () => {
  await agent.close();
  process.disconnect();
});
process.send({ port: agent.port });
