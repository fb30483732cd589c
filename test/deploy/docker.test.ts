import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { parseConfig } from '@gopush/contract';
import { expect, onTestFinished, test } from 'vitest';
import { startProgram } from '../support/cli.ts';
import {
  any,
  readFile,
  readSettings,
  readYaml,
  type Shape,
  secondsOf,
  stopSeconds,
  type Tree,
  unknownKeys,
} from '../support/deployment.ts';
import { runTool, whyNot } from '../support/tool.ts';

const folder = 'deploy/docker';

/** Instructions of a Dockerfile, with continued lines joined. */
const instructions = readFile(`${folder}/Dockerfile`)
  .replaceAll(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line): [name: string, rest: string] => [line.split(' ', 1)[0] ?? '', line.slice(line.indexOf(' ') + 1)]);

test('the image does not run as root, its first process gets signals, and what it is built in stays behind', () => {
  const names = instructions.map(([name]) => name);
  for (const name of names)
    expect(['FROM', 'WORKDIR', 'COPY', 'RUN', 'ENV', 'USER', 'HEALTHCHECK', 'ENTRYPOINT', 'CMD']).toContain(name);
  expect(names.filter((name) => name === 'FROM')).toHaveLength(2);
  expect(instructions.filter(([name]) => name === 'USER')).toEqual([['USER', 'node']]);
  // Neither files nor programs come after that.
  expect(names.slice(names.indexOf('USER')).filter((name) => name === 'RUN' || name === 'COPY')).toEqual([]);
  for (const name of ['ENTRYPOINT', 'CMD']) {
    const [, rest = ''] = instructions.find(([one]) => one === name) ?? [];
    expect(JSON.parse(rest)).toEqual(expect.any(Array));
  }
  const stage = instructions.findLastIndex(([name]) => name === 'FROM');
  expect(instructions.slice(stage).filter(([name, rest]) => name === 'RUN' && /npm/.test(rest))).toEqual([]);
  const variables = Object.fromEntries(
    instructions
      .filter(([name]) => name === 'ENV')
      .flatMap(([, rest]) => rest.split(' ').map((one) => one.split('=', 2))),
  ) as Record<string, string>;
  expect(readSettings(variables).admin).toMatchObject({ host: '0.0.0.0', agentPort: 9600, serverPort: 9700 });
  const ignored = readFile(`${folder}/.dockerignore`).split('\n');
  for (const path of ['node_modules', '.gopush', 'config/secrets.*', '.git']) expect(ignored).toContain(path);
});

test.each([
  ['the agent', [200, undefined], 0],
  ['the push-server', [undefined, 200], 0],
  ['neither', [undefined, undefined], 1],
  ['one that does not respond well', [503, undefined], 1],
] as const)('the health check of the image, with %s', async (_what, statuses, code) => {
  const [, rest = ''] = instructions.find(([name]) => name === 'HEALTHCHECK') ?? [];
  const [program, flag, script = ''] = JSON.parse(rest.slice(rest.indexOf('['))) as string[];
  expect([program, flag]).toEqual(['node', '-e']);
  const ports: number[] = [];
  for (const status of statuses) ports.push(await startListener(status));
  expect(script).toContain('[9600, 9700]');
  const { ended } = startProgram(process.execPath, ['-e', script.replace('[9600, 9700]', JSON.stringify(ports))]);
  expect(await ended).toMatchObject({ code, stdout: '', stderr: '' });
});

/** A listener whose `/livez` has this status; `undefined`: none listens. @returns its port */
async function startListener(status: number | undefined): Promise<number> {
  const server: Server = createServer((request, response) => {
    response.writeHead(request.url === '/livez' ? (status ?? 500) : 404).end();
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<unknown> => new Promise((resolve) => server.close(resolve));
  if (status === undefined) await close();
  else onTestFinished(() => void close());
  return port;
}

const service: Shape = {
  build: 'string',
  image: 'string',
  command: ['string'],
  environment: any,
  restart: 'string',
  init: 'boolean',
  depends_on: any,
  ports: any,
  volumes: ['string'],
  networks: ['string'],
  secrets: [{ source: 'string', target: 'string' }],
  stop_grace_period: 'string',
  ulimits: { nofile: 'number' },
  healthcheck: { test: ['string'], interval: 'string', timeout: 'string', retries: 'number' },
  deploy: {
    mode: 'string',
    replicas: 'number',
    update_config: {
      parallelism: 'number',
      delay: 'string',
      order: 'string',
      failure_action: 'string',
      monitor: 'string',
    },
    rollback_config: { parallelism: 'number', order: 'string' },
    restart_policy: { condition: 'string', delay: 'string' },
    resources: { limits: { memory: 'string' } },
    placement: { constraints: ['string'] },
  },
};

interface Service {
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: object;
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[];
  readonly secrets?: readonly { readonly source: string; readonly target: string }[];
  readonly stop_grace_period?: string;
  readonly healthcheck?: object;
  readonly deploy?: {
    readonly mode?: string;
    readonly replicas?: number;
    readonly update_config?: { readonly order: string };
  };
}

interface Stack {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes?: object;
  readonly networks?: object;
  readonly secrets?: object;
}

/** The fields that are used here, from https://github.com/compose-spec/compose-spec/blob/main/spec.md. */
function readStack(name: string): Stack {
  const [tree = {}] = readYaml(readFile(`${folder}/${name}`));
  const extensions = Object.keys(tree).filter(
    (key) => !['version', 'services', 'volumes', 'networks', 'secrets'].includes(key),
  );
  expect(extensions.filter((key) => !key.startsWith('x-'))).toEqual([]);
  for (const [key, value] of Object.entries(tree.services as Tree)) {
    expect(unknownKeys(value, service, key)).toEqual([]);
  }
  return tree as unknown as Stack;
}

test.each(['compose.yaml', 'stack.yaml'])('%s: services name what exists, and have the time to stop', (name) => {
  const { services, volumes = {}, networks = {}, secrets = {} } = readStack(name);
  expect(Object.keys(services).length).toBeGreaterThan(2);
  for (const [key, one] of Object.entries(services)) {
    for (const other of Object.keys(one.depends_on ?? {}))
      expect(services[other]?.healthcheck, `${key}: ${other}`).toBeDefined();
    for (const volume of one.volumes ?? []) expect(Object.keys(volumes), key).toContain(volume.split(':')[0]);
    for (const network of one.networks ?? []) expect(Object.keys(networks), key).toContain(network);
    for (const { source, target } of one.secrets ?? []) {
      expect(Object.keys(secrets), key).toContain(source);
      expect(target).toBe('/app/config/secrets.production.json');
    }
    if (one.command[0] !== 'start') continue;
    const tier = one.command[1] as 'agent' | 'push-server';
    const variables = Object.entries(one.environment ?? {}).map(([variable, value]) => [
      variable,
      value.replace(/^\$\{GOPUSH_SECRET:\?.*\}$/, 'a-secret-of-a-test'),
    ]);
    const config = readSettings(Object.fromEntries(variables));
    expect(config.routing.discover, key).toBe(true);
    expect(secondsOf(one.stop_grace_period ?? '10s'), key).toBeGreaterThan(stopSeconds(tier, config) + 5);
  }
});

const compose = runTool('docker', ['compose', 'version']).code === 0 ? ['docker', 'compose'] : ['docker-compose'];
const noCompose = compose.length === 2 ? '' : whyNot('docker-compose');
test.skipIf(noCompose !== '').each(['compose.yaml', 'stack.yaml'])(`Compose accepts %s${noCompose}`, (name) => {
  const [tool = '', ...before] = compose;
  const file = join(import.meta.dirname, '../..', folder, name);
  const secret = ['GOPUSH_SECRET=a-secret-of-this-test', tool, ...before, '-f', file, 'config'];
  const { code, output } = runTool('env', secret);
  expect(code, output).toBe(0);
  expect(output).toContain('push-server');
});

test('the secret that a swarm gets is one that gopush reads', () => {
  const [, format = ''] = /printf '(\{.*\})' "\$\(openssl rand -hex 32\)"/.exec(readFile(`${folder}/stack.yaml`)) ?? [];
  const secrets = { file: 'secrets', text: format.replace('%s', 'f'.repeat(64)) };
  const parsed = parseConfig({
    file: 'config',
    text: '{}',
    secrets,
    variables: { GOPUSH_PUSH_SERVER_HOST: '0.0.0.0' },
  });
  expect(parsed).toMatchObject({ ok: true, config: { access: { secrets: ['f'.repeat(64)] } } });
});

test('in a swarm a push-server is started before another one stops, and there are several', () => {
  const { services } = readStack('stack.yaml');
  expect(services['push-server']?.deploy).toMatchObject({
    replicas: 3,
    update_config: { order: 'start-first', parallelism: 1 },
  });
  // Its port is taken on each node.
  expect(services.agent?.deploy).toMatchObject({ mode: 'global', update_config: { order: 'stop-first' } });
});
