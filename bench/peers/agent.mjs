/** The agent as a user runs it: hook files, a router, an identity for each request. */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAgent } from '@gopush/agent';
import { createLogger } from '@gopush/service';
import { port, ready, target } from './settle.mjs';

const asApp = process.argv[4] === 'express';
// As the peers are: without a line for each request.
const quiet = process.argv[4] === 'quiet';
// What the tunnel would cost if it looked at nothing that goes through it.
if (process.argv[4] === 'blind') {
  const { FrameWalker } = await import('../../packages/agent/dist/inner/frame-walker.js');
  FrameWalker.prototype.walk = (_chunk, length) => length;
}
const upstream = Number(process.argv[5] ?? target);
const dir = await mkdtemp(join(tmpdir(), 'gopush-bench-'));
await mkdir(join(dir, 'hooks'));
const hook = asApp
  ? 'module.exports = (app) => { app.use((req, res, next) => { res.locals.uid = req.query.user; next(); }); };'
  : 'module.exports = (request) => request.query.user;';
await writeFile(join(dir, 'hooks/agent.js'), hook);
await writeFile(join(dir, 'hooks/onupgrade.js'), 'module.exports = (request) => request.query.user;');
await writeFile(
  join(dir, 'hooks/router.js'),
  `module.exports = { default: [{ ip: '127.0.0.1', ports: [${upstream}] }] };`,
);
const handOff = process.argv[4] === 'handed' ? { enabled: true, dir: join(process.argv[6], 'hand-off') } : {};
await startAgent({
  config: { agentPort: port, agent: { host: '127.0.0.1' }, log: { requests: !quiet }, handOff },
  hooks: { dir, environment: 'bench' },
  logger: createLogger({ node: 'agent', format: 'json' }),
});
ready();
