/** The agent, in a process of its own: its settings, and the ports of the back ends, are its argument. */
import { startAgent } from 'gopush';

const { config, ports } = JSON.parse(process.argv[2]);
const at = (port) => ({ ip: '127.0.0.1', port });

// Trusts the client: only for an example.
const userOf = (request) => request.query.user ?? request.cookies.user ?? 'visitor';

const agent = await startAgent({
  config,
  hooks: {
    agent: userOf,
    onupgrade: userOf,
    router: {
      default: at(ports.api),
      graphql: at(ports.graphql),
      mqtt: at(ports.mqtt),
      echo: at(ports.echo),
      // By path as well as by ?product=.
      routes: [
        { path: '/graphql', product: 'graphql' },
        { path: '/mqtt', product: 'mqtt' },
        { path: '/echo', product: 'echo' },
      ],
    },
  },
});

process.on('SIGINT', () => {});
process.on('SIGTERM', () => agent.close().then(() => process.exit()));
process.on('disconnect', () => process.exit());
process.send({ url: agent.url });
