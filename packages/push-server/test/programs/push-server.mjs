// A push-server in a process of its own, to be killed: its fan-out folder is the first argument.
import { startPushServer } from '@gopush/push-server';

await startPushServer({
  config: { serverPortStart: 0, pushServer: { fanoutDir: process.argv[2] } },
  node: 'child',
});
process.send('started');
