import { spawnSync } from 'node:child_process';

/** A Python that has python-socketio: that of the system packages is not always the first on the path. */
export const python = ['/usr/bin/python3', 'python3'].find(
  (command) => spawnSync(command, ['-c', 'import socketio, websocket']).status === 0,
);

if (python === undefined) {
  console.warn('the test of a Python client is skipped: install python3-socketio and python3-websocket');
}
