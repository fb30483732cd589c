/** Some tests use clients in Python: gets them from the system's packages if it can; without them these tests are skipped. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { run, say } from './bootstrap.mjs';

export function obtainPythonClient() {
  if (spawnSync('/usr/bin/python3', ['-c', 'import socketio, websocket, requests, websockets']).status === 0) return;
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) return;
  say('installing clients in Python from the system packages');
  const packages = ['python3-socketio', 'python3-websocket', 'python3-requests', 'python3-websockets'];
  run('apt-get', ['update', '-qq'], process.env);
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], process.env);
}
