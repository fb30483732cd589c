import { chmod, mkdir, readFile as read, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseConfig } from '@gopush/contract';
import { expect, test } from 'vitest';
import { makeFolder, startProgram } from '../support/cli.ts';
import { readFile } from '../support/deployment.ts';
import { runTool } from '../support/tool.ts';

const script = join(import.meta.dirname, '../../deploy/pm2/deploy.sh');

test('the settings for several machines are valid with the variables that they name', () => {
  const text = readFile('deploy/pm2/production.json');
  const variables = [...text.matchAll(/^\/\/ {3}(\w+)=(\S+)/gm)].map(([, name = '', value = '']) => [
    name,
    name === 'GOPUSH_ACCESS_SECRETS' ? 'a-secret-of-this-test' : value,
  ]);
  expect(variables.length).toBe(4);
  const parsed = parseConfig({
    file: 'production.json',
    text,
    secrets: undefined,
    variables: Object.fromEntries(variables),
  });
  expect(parsed).toMatchObject({ ok: true, warnings: [] });
});

/** Runs the script with an ssh that notes what it is told, and fails where it should. */
async function deploy(
  machines: readonly string[],
  failing = 'nothing',
): Promise<{ code: number | null; told: string[]; stderr: string }> {
  const dir = await makeFolder();
  const bin = join(dir, 'bin');
  await mkdir(bin);
  const log = join(dir, 'told');
  await writeFile(log, '');
  await writeFile(join(bin, 'ssh'), `#!/bin/sh\necho "$@" >> '${log}'\ncase "$*" in *"${failing}"*) exit 1;; esac\n`);
  await writeFile(join(bin, 'sleep'), '#!/bin/sh\n');
  for (const name of ['ssh', 'sleep']) await chmod(join(bin, name), 0o755);
  const { ended } = startProgram('sh', [script, ...machines], { env: { PATH: `${bin}:${process.env.PATH}` } });
  const { code, stderr } = await ended;
  return { code, stderr, told: (await read(log, 'utf8')).trim().split('\n') };
}

test('machines are deployed one after the other, each when the cluster is healthy again', async () => {
  expect(runTool('sh', ['-n', script]).code).toBe(0);
  const { code, told } = await deploy(['app@web1', 'app@web2']);
  expect(code).toBe(0);
  expect(told.map((line) => line.replace(/ cd .*npx gopush/, ''))).toEqual([
    'app@web1 pm2 reload',
    'app@web1 status',
    'app@web2 pm2 reload',
    'app@web2 status',
  ]);
});

test.each([
  ['whose reload fails', 'pm2 reload', 1],
  ['after which the cluster is not healthy', 'gopush status', 31],
])('a machine %s ends the deployment', async (_what, failing, calls) => {
  const { code, told } = await deploy(['app@web1', 'app@web2'], failing);
  expect(code).toBe(1);
  expect(told).toHaveLength(calls);
  expect(told.join()).not.toContain('web2');
});

test('without a machine the script says how it is used', async () => {
  expect(await deploy([])).toMatchObject({ code: 2, stderr: expect.stringContaining('usage:') });
});
