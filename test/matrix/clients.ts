import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Pool } from 'undici';
import { onTestFinished } from 'vitest';
import WebSocket from 'ws';
import { has, run } from './program.ts';

/** What asks for a page, uploads something, and asks for the page again, on one connection if it keeps one. */
export interface HttpClient {
  readonly name: string;
  /** Whether it is installed here. */
  readonly isHere: boolean;
  /** @returns the page, the response to the upload if there is one, and the page again */
  ask(url: string, upload: Buffer | undefined): Promise<readonly string[]>;
}

/** A client that sends texts to a server which sends them back. */
export interface SocketClient {
  readonly name: string;
  readonly isHere: boolean;
  /** @returns what came back, as it came */
  echo(url: string, texts: readonly string[]): Promise<readonly string[]>;
}

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const javaIsHere = has('java', '--version') && has('javac', '--version');
/** It runs for so short a time that optimizing costs more than it gains. */
const javaOptions = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];

let compiling: Promise<string> | undefined;

/** The folder of the client of Java, compiled: to compile it takes longer than all else that it does. */
function javaClasses(): Promise<string> {
  compiling ??= (async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gopush-java-'));
    await run('javac', [...javaOptions.map((option) => `-J${option}`), '-d', folder, file('Client.java')]);
    return folder;
  })();
  return compiling;
}

/** Removes what was compiled, at the end of a file. */
export async function removeJavaClasses(): Promise<void> {
  if (compiling !== undefined) await rm(await compiling, { recursive: true });
  compiling = undefined;
}

const lines = (text: string): string[] => text.trimEnd().split('\n');

function curl(name: string, ...args: readonly string[]): HttpClient {
  // What it would ask next over one connection, it asks in one run.
  const parts = ['--silent', '--show-error', '--fail', '--max-time', '20', ...args];
  return {
    name,
    isHere: has('curl', '--version'),
    async ask(url, upload) {
      const page = [...parts, '--write-out', '\\n', `${url}/hello.txt`];
      const type = ['--header', 'Content-Type: application/octet-stream'];
      const post = [...parts, ...type, '--write-out', '\\n', '--data-binary', '@-', `${url}/upload`, '--next'];
      return lines(await run('curl', [...page, '--next', ...(upload === undefined ? [] : post), ...page], upload));
    },
  };
}

/** One request of Node's own client. */
function askNode(agent: Agent, url: string, upload?: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent, method: upload === undefined ? 'GET' : 'POST' }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      if (response.statusCode === 200) resolve(text.trimEnd());
      else reject(new Error(`${response.statusCode}: ${text}`));
    });
    // Without a length: in chunks.
    asked.on('error', reject).end(upload);
  });
}

/** HTTP clients that people use. */
export const httpClients: readonly HttpClient[] = [
  {
    name: 'http of Node, with an agent that keeps connections',
    isHere: true,
    async ask(url, upload) {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      onTestFinished(() => agent.destroy());
      const page = await askNode(agent, `${url}/hello.txt`);
      const posted = upload === undefined ? [] : [await askNode(agent, `${url}/upload`, upload)];
      return [page, ...posted, await askNode(agent, `${url}/hello.txt`)];
    },
  },
  {
    name: 'fetch of Node',
    isHere: true,
    async ask(url, upload) {
      const page = async (): Promise<string> => (await (await fetch(`${url}/hello.txt`)).text()).trimEnd();
      const posted = async (body: Buffer): Promise<string> => {
        const response = await fetch(`${url}/upload`, { method: 'POST', body: new Uint8Array(body) });
        return (await response.text()).trimEnd();
      };
      return [await page(), ...(upload === undefined ? [] : [await posted(upload)]), await page()];
    },
  },
  {
    name: 'undici, pipelining',
    isHere: true,
    async ask(url, upload) {
      const pool = new Pool(url, { connections: 1, pipelining: 4 });
      onTestFinished(() => pool.close());
      const page = async (): Promise<string> =>
        (await (await pool.request({ path: '/hello.txt', method: 'GET' })).body.text()).trimEnd();
      const posted = async (body: Buffer): Promise<string> =>
        (await (await pool.request({ path: '/upload', method: 'POST', body })).body.text()).trimEnd();
      return Promise.all([page(), ...(upload === undefined ? [] : [posted(upload)]), page()]);
    },
  },
  curl('curl'),
  curl('curl, which offers h2c', '--http2'),
  curl('curl, HTTP/1.0', '--http1.0'),
  curl('curl, which waits for 100', '--header', 'Expect: 100-continue'),
  {
    name: 'HttpClient of Java, which offers h2c',
    isHere: javaIsHere,
    async ask(url, upload) {
      const from = ['-cp', await javaClasses(), 'Client'];
      return lines(await run('java', [...javaOptions, ...from, 'http', url], upload));
    },
  },
  {
    name: 'requests of Python',
    isHere: has('/usr/bin/python3', '-c', 'import requests'),
    ask: async (url, upload) => lines(await run('/usr/bin/python3', [file('requests_client.py'), url], upload)),
  },
];

/** WebSocket clients that people use. */
export const socketClients: readonly SocketClient[] = [
  {
    name: 'ws',
    isHere: true,
    async echo(url, texts) {
      const socket = new WebSocket(url);
      onTestFinished(() => socket.terminate());
      const back: string[] = [];
      await new Promise<void>((resolve, reject) => {
        socket.on('error', reject).on('open', () => {
          for (const text of texts) socket.send(text);
        });
        socket.on('message', (text) => {
          back.push(String(text));
          if (back.length === texts.length) resolve();
        });
      });
      return back;
    },
  },
  {
    name: 'WebSocket of Java',
    isHere: javaIsHere,
    echo: async (url, texts) =>
      lines(await run('java', [...javaOptions, file('Client.java'), 'socket', url, ...texts])),
  },
  {
    name: 'websockets of Python',
    isHere: has('/usr/bin/python3', '-c', 'import websockets'),
    echo: async (url, texts) => lines(await run('/usr/bin/python3', [file('websockets_client.py'), url, ...texts])),
  },
];
