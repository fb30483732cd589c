// How pm2 runs gopush: `gopush pm2 start|reload|stop|status|logs`. Edit it as you like; the numbers of processes come from the config.
const { execFileSync } = require('node:child_process');
const { join, relative } = require('node:path');

const environment = process.env.GOPUSH_ENV || process.env.NODE_ENV || 'local';
const worker = require.resolve('gopush/worker', { paths: [__dirname] });
const gopush = join(worker, '..', 'bin', 'gopush.js');
const run = (stdout, ...args) =>
  execFileSync(process.execPath, [gopush, '--dir', __dirname, '--env', environment, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', stdout, 'inherit'],
  });

// pm2 itself reports success for a project that cannot start. `gopush pm2 start` checks the project before, and afterwards checks that it serves.
if (process.argv.some((word) => /^(re)?(start|load)$/.test(word)) && !process.env.GOPUSH_CHECKED)
  run('inherit', 'check', '--build');

// The settings as gopush reads them, including overrides from the environment.
const { agentWorkers, serverWorkers, agent, pushServer } = JSON.parse(run('pipe', 'config'));

const app = (tier, instances, stopMs) => ({
  name: `{name}-${tier}`,
  // From `cwd`: a path with a space, as that of a folder may have, would be a command to pm2.
  script: relative(__dirname, worker),
  cwd: __dirname,
  exec_mode: 'cluster',
  instances,
  // A process counts as started only when it listens.
  wait_ready: true,
  // Enough for a busy machine: when this time ends, pm2 stops the old process, whether the new one listens or not.
  listen_timeout: 60_000,
  // Longer than a process takes to stop on its own.
  kill_timeout: stopMs + 5_000,
  exp_backoff_restart_delay: 100,
  env: {
    GOPUSH_TIER: tier,
    GOPUSH_DIR: __dirname,
    GOPUSH_ENV: environment,
    // Agents discover the push-servers, because `pm2 scale` changes their number and ports.
    GOPUSH_ROUTING_DISCOVER: 'true',
  },
});

module.exports = {
  // Push-servers first, so that the first client finds one. To pm2, 0 instances means one per processor.
  apps: [
    app('push-server', serverWorkers, Math.max(pushServer.drainMs, pushServer.maxDrainMs)),
    app('agent', agentWorkers, agent.notReadyMs + agent.drainMs),
  ].filter(({ instances }) => instances > 0),
};
