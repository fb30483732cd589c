import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readFile, readSettings, readYaml, secondsOf, stopSeconds } from '../support/deployment.ts';
import { runTool, whyNot } from '../support/tool.ts';

interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: readonly string[];
  readonly volumes?: readonly string[];
  readonly stop_grace_period?: string;
}

const root = join(import.meta.dirname, '../..');
const examples = ['chat', 'swarm'] as const;

function readCompose(example: string) {
  const [tree] = readYaml(readFile(`examples/${example}/compose.yaml`));
  return tree as unknown as { readonly services: Readonly<Record<string, Service>>; readonly volumes: object };
}

/** The variables of a service that are settings of gopush, with values for those of the shell. */
function settingsOf({ environment = {} }: Service): Record<string, string> {
  const given = Object.entries(environment).filter(([name]) => /^(GOPUSH_(?!ENV|SECRET)|REDIS_URL)/.test(name));
  return Object.fromEntries(
    given.map(([name, value]) => [
      name,
      value.replace(/\$\{GOPUSH.*\}/, 'a-secret-of-a-test').replace(/\$\{\w+:-(\d+)\}/, '$1'),
    ]),
  );
}

test.each(examples)('%s: the services of compose.yaml name what exists, and have the time to stop', (example) => {
  const { services, volumes } = readCompose(example);
  for (const [name, one] of Object.entries(services)) {
    for (const other of one.depends_on ?? []) expect(Object.keys(services), name).toContain(other);
    for (const volume of one.volumes ?? []) expect(Object.keys(volumes), name).toContain(volume.split(':')[0]);
    if (one.build !== undefined)
      expect(one.build).toEqual({ context: '../..', dockerfile: `examples/${example}/Dockerfile` });
    if (name === 'redis') continue;
    const tier = one.command?.at(-1) === 'agent' ? 'agent' : 'push-server';
    const config = readSettings(settingsOf(one));
    expect(secondsOf(one.stop_grace_period ?? '10s'), name).toBeGreaterThan(stopSeconds(tier, config) + 5);
  }
});

test.each(examples)('%s: the image has this example, and does not run as root', (example) => {
  const text = readFile(`examples/${example}/Dockerfile`);
  const { name, scripts } = JSON.parse(readFile(`examples/${example}/package.json`));
  expect(text).toContain(`--filter ${name} deploy --legacy --prod /app`);
  expect(text).toMatch(/^USER node\n(?:#.*\n|ENTRYPOINT .*\n|CMD .*\n)+$/m);
  if (example === 'swarm')
    expect(readFile(`examples/swarm/${/"(\w+\.js)"/.exec(text)?.[1]}`)).toContain('startPushServer');
  else expect(scripts.start).toContain('gopush start');
  // Neither what is installed nor secrets get into the image from outside.
  for (const line of ['**/node_modules', '**/.gopush', '**/secrets.*.json', '.git'])
    expect(readFile(`examples/${example}/Dockerfile.dockerignore`).split('\n')).toContain(line);
});

const noDocker = whyNot('docker');
test
  .skipIf(noDocker !== '')
  .each(['deploy/docker/stack.yaml', ...examples.map((one) => `examples/${one}/compose.yaml`)])(
  `Docker reads %s as a stack${noDocker}`,
  (file) => {
    const variables = ['GOPUSH_SECRET', 'JWT_SECRET', 'IMAGE'].map((name) => `${name}=of-this-test`);
    const config = (of: string) => runTool('env', [...variables, 'docker', 'stack', 'config', '-c', of]);
    const { code, output } = config(join(root, file));
    expect([code, output]).toEqual([0, expect.stringContaining('services:')]);
  },
);
