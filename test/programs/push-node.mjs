// A push-server in a process of its own, to be killed: its settings are the first argument, as JSON. It does what it is told by messages.
import { startPushServer } from '@gopush/push-server';

const [settings, node = 'child'] = process.argv.slice(2);
const config = JSON.parse(settings);
// Other work on the machine is no reason to refuse clients.
config.pushServer = { ...config.pushServer, limits: { beginDelayMs: 0, ...config.pushServer?.limits } };
const { push, url } = await startPushServer({ config, node });
process.on('message', async ({ number, call, args }) => {
  process.send({ number, answer: await push[call](...args) });
});
process.stdout.write(`listening on ${url}\n`);
process.send?.({ url });
