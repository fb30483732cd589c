/** One test wants a Socket.IO client in Python: gets it from the system's packages where it can; without it that test is skipped. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { run, say } from './bootstrap.mjs';

export function obtainPythonClient() {
  if (spawnSync('/usr/bin/python3', ['-c', 'import socketio, websocket']).status === 0) return;
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) return;
  say('installing a Socket.IO client for Python from the system packages');
  const packages = ['python3-socketio', 'python3-websocket', 'python3-requests'];
  run('apt-get', ['update', '-qq'], process.env);
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], process.env);
}
