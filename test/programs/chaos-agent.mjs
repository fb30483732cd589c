// An agent in a process of its own: its settings and the ports of its targets are its arguments, as JSON; without ports it has the built-in
// push-servers. Its log goes to standard output.
import { startAgent } from '@gopush/agent';

const [settings, ports] = process.argv.slice(2).map((text) => JSON.parse(text));
const router = ports === undefined ? {} : { router: { default: [{ ip: '127.0.0.1', ports }] } };
const write = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const say = (fields, message) =>
  write({ ...(typeof fields === 'string' ? { message: fields } : { ...fields, message }), at: Date.now() });
const logger = {
  debug() {},
  info: say,
  warn: say,
  error: (fields, message) => say({ ...fields, err: String(fields.err) }, message),
};
const agent = await startAgent({
  // Other work on the machine is no reason to refuse clients.
  config: { ...settings, limits: { eventLoopDelayMs: 0, ...settings.limits } },
  logger,
  hooks: { agent: (request) => request.query.user ?? 'visitor', ...router },
});
const stop = async () => {
  await agent.close();
  process.exit(0);
};
process.on('SIGTERM', stop);
process.once('disconnect', stop);
process.on('message', () => {});
process.send({ url: agent.url });
