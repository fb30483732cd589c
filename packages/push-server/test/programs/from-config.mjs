// A push-server in a process of its own, to be killed. Its config is the first argument.
import { startPushServer } from '@gopush/push-server';

const { port } = await startPushServer({ config: JSON.parse(process.argv[2]), node: process.argv[3] });
process.send(port);
