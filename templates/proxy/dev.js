/** For development: two back ends and the gateway, until Ctrl-C. */
import { spawn } from 'node:child_process';
import { startBackend } from './backend.js';

const ports = (process.env.BACKEND_PORTS ?? '5000,5001').split(',').map(Number);
await Promise.all(ports.map(startBackend));
const gateway = spawn('gopush', ['dev'], { stdio: 'inherit', shell: process.platform === 'win32' });
// Ctrl-C reaches the gateway as well; this process ends after it.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => gateway.kill());
gateway.on('exit', (code) => process.exit(code ?? 1));
