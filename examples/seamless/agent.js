/** The agent, in a process of its own: its settings are its argument, as JSON. */
import { startAgent } from 'gopush';

const { control, ...config } = JSON.parse(process.argv[2]);

const agent = await startAgent({
  config,
  hooks: {
    // Trusts the client: only for an example.
    agent: (request) => request.query.user ?? 'somebody',
    router: { default: 'push-server', control: { ip: '127.0.0.1', port: control } },
  },
});

let closing;
const close = async () => {
  closing ??= agent.close().then(() => process.exit());
  await closing;
};
// Ctrl-C reaches this process too, but main.js decides when it stops.
process.on('SIGINT', () => {});
process.on('SIGTERM', close).on('disconnect', close);
process.send({ url: agent.url });
