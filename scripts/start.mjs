/** `npm start`: builds, makes a project in playground/ to try things in, and runs it. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { bootstrap, giveUp, plainEnv, root, say } from './bootstrap.mjs';

const gopush = `${root}packages/cli/dist/bin/gopush.js`;

bootstrap();
if (!existsSync(`${root}playground/package.json`)) {
  say('making a project to try things in: playground/');
  // Without its hints what to do next: that is done here.
  const args = [gopush, 'create', 'playground', '--yes', '--no-install'];
  const { status } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: plainEnv,
  });
  if (status !== 0) giveUp('the project could not be made');
}
say('starting one agent and two push-servers (Ctrl-C stops them)');
const child = spawn(process.execPath, [gopush, '--dir', 'playground', 'start'], {
  cwd: root,
  stdio: 'inherit',
  env: plainEnv,
});
// Ctrl-C reaches the child as well; this process only waits for it.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code) => {
  if (code !== 0) {
    say(
      'if a port is taken: GOPUSH_AGENT_PORT=7003 GOPUSH_SERVER_PORT_START=7100 GOPUSH_ADMIN_AGENT_PORT=0 GOPUSH_ADMIN_SERVER_PORT=0 npm start',
    );
  }
  process.exit(code ?? 1);
});
