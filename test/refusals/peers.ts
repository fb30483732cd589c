import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { freePort } from '../../packages/store/test/support/redis.ts';

/** The version of a program, as it says it; `undefined`: it is not installed. */
export function versionOf(program: string, argument: string): string | undefined {
  const { status, stdout, stderr } = spawnSync(program, [argument], { encoding: 'utf8' });
  return status === 0 ? /\d+\.\d+/.exec(`${stdout}${stderr}`)?.[0] : undefined;
}

async function open(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Whether a request is there to its end, as its own framing has it. */
function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return false;
  const [head, body] = [text.slice(0, end + 2), text.slice(end + 4)];
  if (/^transfer-encoding:.*chunked/im.test(head)) return /(^|\r\n)0+\r\n([^\r\n]+\r\n)*\r\n$/.test(body);
  return body.length >= Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
}

const acceptOf = (text: string): string => {
  const key = /^sec-websocket-key: *(\S*)/im.exec(text)?.[1] ?? '';
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
};

/** A target that takes whatever it is sent: what is refused, its proxy has refused. @returns its port */
export function startPatientTarget(): Promise<number> {
  return open(
    createServer((socket) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
        if (!isWhole(text)) return;
        const switches = /^upgrade: *websocket/im.test(text);
        const response = switches
          ? `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${acceptOf(text)}\r\n\r\n`
          : 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx';
        text = '';
        socket.write(response);
      });
    }),
  );
}

/**
 * A target that gives each request the same bytes, and closes. @returns its port
 *
 * @param accept - what stands for the right `Sec-WebSocket-Accept` in them
 */
export function startScriptedTarget(bytes: string, accept: string): Promise<number> {
  return open(
    createServer((socket) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
        if (text.includes('\r\n\r\n')) socket.end(bytes.replace(accept, acceptOf(text)), 'latin1');
      });
    }),
  );
}

/** A server of `ws`, on Node's own HTTP server. @returns its port */
export function startWs(): Promise<number> {
  const server = createHttpServer((request, response) => {
    request.resume().on('end', () => response.end('x'));
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('error', () => {}));
  return open(server);
}

/** nginx in front of targets, as its documentation proxies WebSocket: below `/0/` the first, and so on. @returns its port */
export async function startNginx(...targets: readonly number[]): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-nginx-'));
  const port = await freePort();
  const file = join(dir, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${dir};`);
  const locations = targets.map((target, index) => `location /${index}/ { proxy_pass http://127.0.0.1:${target}; }`);
  await writeFile(
    file,
    `daemon off; master_process off; pid ${dir}/nginx.pid; error_log ${dir}/error.log;
events { worker_connections 512; }
http {
  access_log off; ${temporary.join(' ')}
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  server {
    listen 127.0.0.1:${port};
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    proxy_next_upstream off;
    location / { proxy_pass http://127.0.0.1:${targets[0]}; }
    ${locations.join('\n    ')}
  }
}
`,
  );
  const nginx = spawn('nginx', ['-c', file, '-p', dir, '-e', join(dir, 'error.log')], { stdio: 'ignore' });
  onTestFinished(async () => {
    const exited = once(nginx, 'exit');
    nginx.kill('SIGKILL');
    await exited;
    await rm(dir, { recursive: true, force: true });
  });
  await isListening(port);
  return port;
}

async function isListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const socket = connect(port, '127.0.0.1');
    const isUp = await once(socket, 'connect').then(Boolean, () => false);
    socket.destroy();
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('nginx does not listen');
}

/** What curl makes of the response of a server: its status, or curl's own name for what is wrong. */
export async function askByCurl(port: number): Promise<string> {
  const args = ['--silent', '--output', '/dev/null', '--write-out', '%{http_code}', '--max-time', '5'];
  const curl = spawn('curl', [...args, `http://127.0.0.1:${port}/`], { stdio: ['ignore', 'pipe', 'ignore'] });
  let status = '';
  curl.stdout.on('data', (chunk) => {
    status += chunk;
  });
  const [exit] = (await once(curl, 'close')) as [number];
  const names: Readonly<Record<number, string>> = {
    1: 'unsupported protocol',
    8: 'weird reply',
    18: 'partial file',
    27: 'out of memory',
    43: 'bad function argument',
    52: 'empty reply',
    56: 'receive error',
    61: 'bad encoding',
  };
  return exit === 0 ? status : (names[exit] ?? `error ${exit}`);
}

/** What a client of `ws` makes of the response to its handshake. */
export async function askByWs(port: number): Promise<string> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  return new Promise((resolve) => {
    socket.on('error', (error) => resolve(error.message));
    socket.on('unexpected-response', (_request, response) => {
      resolve(String(response.statusCode));
      socket.terminate();
    });
    socket.on('open', () => {
      resolve('101');
      socket.terminate();
    });
  });
}
