// Runs two agents as pm2 does, accepts connections for both, and ends the first one while its own event loop stands still: its arguments are
// the file of a process, and the folder of a project.
import cluster from 'node:cluster';
import { once } from 'node:events';

const [exec, dir] = process.argv.slice(2);
cluster.setupPrimary({ exec, args: [], serialization: 'json' });
const agents = ['0', '1'].map((index) =>
  cluster.fork({ GOPUSH_TIER: 'agent', GOPUSH_DIR: dir, GOPUSH_ENV: 'local', NODE_APP_INSTANCE: index }),
);
for (const agent of agents) agent.on('error', () => {});
const ready = (agent) =>
  new Promise((resolve) => agent.on('message', (message) => message === 'ready' && resolve(undefined)));
await Promise.all(agents.map(ready));
process.send('ready');
const [ms] = await once(process, 'message');
agents[0]?.send('shutdown', () => {
  process.send('stands still', () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms));
});
process.on('disconnect', () => process.exit());
