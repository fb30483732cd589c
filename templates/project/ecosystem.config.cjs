// How pm2 runs gopush: `gopush pm2 start|reload|stop|status|logs`. Yours to edit; numbers of processes come from the config.
const { execFileSync } = require('node:child_process');
const { join } = require('node:path');

const environment = process.env.GOPUSH_ENV || process.env.NODE_ENV || 'local';
const worker = require.resolve('gopush/worker', { paths: [__dirname] });
const gopush = join(worker, '..', 'bin', 'gopush.js');
const run = (stdout, ...args) =>
  execFileSync(process.execPath, [gopush, '--dir', __dirname, '--env', environment, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', stdout, 'inherit'],
  });

// pm2 itself says that it has started a project that cannot start. `gopush pm2 start` has checked it before, and looks afterwards whether it serves.
if (process.argv.some((word) => /^(re)?(start|load)$/.test(word)) && !process.env.GOPUSH_CHECKED)
  run('inherit', 'check', '--build');

// The settings as gopush reads them, with what the environment overrides.
const { agentWorkers, serverWorkers, agent, pushServer } = JSON.parse(run('pipe', 'config'));

const app = (tier, instances, stopMs) => ({
  name: `{name}-${tier}`,
  script: worker,
  cwd: __dirname,
  exec_mode: 'cluster',
  instances,
  // Counted as started when it listens, not before.
  wait_ready: true,
  // As long as a busy machine may need for that: pm2 stops the old process when this is over, whether the new one listens or not.
  listen_timeout: 60_000,
  // Longer than a process takes to stop by itself.
  kill_timeout: stopMs + 5_000,
  exp_backoff_restart_delay: 100,
  env: {
    GOPUSH_TIER: tier,
    GOPUSH_DIR: __dirname,
    GOPUSH_ENV: environment,
    // Agents find the push-servers there are: `pm2 scale` changes their number and their ports.
    GOPUSH_ROUTING_DISCOVER: 'true',
  },
});

module.exports = {
  // Targets first, so that the first client finds one. For pm2, 0 instances are one for each processor.
  apps: [
    app('push-server', serverWorkers, pushServer.drainMs),
    app('agent', agentWorkers, agent.notReadyMs + agent.drainMs),
  ].filter(({ instances }) => instances > 0),
};
