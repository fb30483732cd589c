import { createLogger } from '../../dist/index.js';

const log = createLogger({ format: 'json' });
const [, , how] = process.argv;
for (let index = 0; index < 1_000; index++) log.info({ index }, 'line');
if (how === 'exit') process.exit(0);
if (how === 'throw') throw new Error('nobody catches this');
if (how === 'killed after an error') {
  log.error('broken');
  process.kill(process.pid, 'SIGKILL');
}
if (how === 'killed later') setTimeout(() => process.kill(process.pid, 'SIGKILL'), 1_000);
