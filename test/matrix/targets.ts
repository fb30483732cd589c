import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import cookieParser from 'cookie-parser';
import express from 'express';
import { onTestFinished } from 'vitest';
import { freePort } from '../../packages/store/test/support/redis.ts';
import { has } from './program.ts';

/** A server that people have: it serves `/hello.txt`. */
export interface HttpTarget {
  readonly name: string;
  readonly isHere: boolean;
  /** What it answers an upload to `/upload`; `undefined`: it takes none. */
  readonly uploaded: ((bytes: number) => string) | undefined;
  /** @returns its port */
  start(): Promise<number>;
}

/** What `/hello.txt` has. */
export const page = 'hello';

export async function makeFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-matrix-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await writeFile(join(dir, 'hello.txt'), page);
  return dir;
}

/** Listens on loopback until the test ends. @returns the port */
export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Starts a program that listens on a port, and ends it with the test. */
async function startOn(port: number, program: string, args: readonly string[], cwd: string): Promise<number> {
  const child = spawn(program, args, { stdio: 'ignore', cwd });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  });
  for (let attempt = 0; attempt < 400; attempt++) {
    const socket = connect(port, '127.0.0.1');
    const isUp = await once(socket, 'connect').then(Boolean, () => false);
    socket.destroy();
    if (isUp) return port;
    if (child.exitCode !== null) break;
    await delay(50);
  }
  throw new Error(`${program} does not listen`);
}

const bytes = (count: number): string => `${count} bytes`;

/** Vite, whose program is a file of its package. */
const vite = fileURLToPath(new URL('../node_modules/vite/bin/vite.js', import.meta.url));

/** Vite's dev server for a folder. @returns its port */
export async function startVite(dir: string): Promise<number> {
  const port = await freePort();
  // As people run it: for the name that a gateway is reached by.
  const args = [vite, '--port', String(port), '--strictPort', '--host', '127.0.0.1', '--clearScreen', 'false'];
  return startOn(port, process.execPath, args, dir);
}

/** Servers that people have behind a gateway. */
export const httpTargets: readonly HttpTarget[] = [
  {
    name: 'http of Node',
    isHere: true,
    uploaded: bytes,
    start: () =>
      listen(
        createServer(async (request, response) => {
          let count = 0;
          for await (const chunk of request) count += chunk.length;
          response.end(request.method === 'POST' ? bytes(count) : page);
        }),
      ),
  },
  {
    name: 'Express with middlewares',
    isHere: true,
    uploaded: bytes,
    async start() {
      const app = express();
      app.use(cookieParser(), express.json(), express.urlencoded({ extended: false }));
      app.use(express.raw({ type: () => true, limit: '10mb' }));
      app.use(express.static(await makeFolder()));
      app.post('/upload', (request, response) => void response.send(bytes(sizeOf(request.body))));
      return listen(createServer(app));
    },
  },
  {
    name: 'nginx',
    isHere: has('nginx', '-v'),
    uploaded: () => 'taken',
    async start() {
      const [dir, port] = [await makeFolder(), await freePort()];
      const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
      await writeFile(
        join(dir, 'nginx.conf'),
        `daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/error.log; user root;
events { worker_connections 64; }
http { access_log off; client_max_body_size 10m; ${kinds.map((kind) => `${kind}_temp_path ${dir};`).join(' ')}
server { listen 127.0.0.1:${port}; root ${dir}; location = /upload { return 200 taken; } } }`,
      );
      return startOn(port, 'nginx', ['-p', dir, '-c', join(dir, 'nginx.conf'), '-e', join(dir, 'error.log')], dir);
    },
  },
  {
    name: 'http.server of Python',
    isHere: has('/usr/bin/python3', '--version'),
    uploaded: undefined,
    async start() {
      const [dir, port] = [await makeFolder(), await freePort()];
      return startOn(port, '/usr/bin/python3', ['-m', 'http.server', String(port), '--bind', '127.0.0.1'], dir);
    },
  },
  {
    name: "Vite's dev server",
    isHere: true,
    uploaded: undefined,
    async start() {
      const dir = await makeFolder();
      await mkdir(join(dir, 'public'));
      await rename(join(dir, 'hello.txt'), join(dir, 'public', 'hello.txt'));
      return startVite(dir);
    },
  },
];

/** A form that a client sent without a type is parsed by its bytes, or by `urlencoded` if curl says it is one. */
function sizeOf(body: unknown): number {
  if (Buffer.isBuffer(body)) return body.length;
  return Object.entries((body ?? {}) as object).reduce(
    (sum, [name, value]) => sum + name.length + String(value).length,
    0,
  );
}
