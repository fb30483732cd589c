// A push-server in a process of its own, on a given port, that stops as SIGTERM says. Its settings are the argument, as JSON.
import { startPushServer } from '@gopush/push-server';

const server = await startPushServer({ config: JSON.parse(process.argv[2]), node: `server-${process.pid}` });
process.once('SIGTERM', async () => {
  await server.close();
  process.disconnect();
});
process.send({ port: server.port });
