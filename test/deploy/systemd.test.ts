import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder } from '../support/cli.ts';
import { readFile, readSettings, stopSeconds } from '../support/deployment.ts';
import { runTool, whyNot } from '../support/tool.ts';

const tiers = ['agent', 'push-server'] as const;
const unitOf = (tier: string): string => readFile(`deploy/systemd/gopush-${tier}.service`);

const noSystemd = whyNot('systemd-analyze');
test.skipIf(noSystemd !== '').each(tiers)(`systemd accepts the unit of %ss${noSystemd}`, async (tier) => {
  const dir = await makeFolder();
  // The project and its user exist where the unit is installed.
  const unit = unitOf(tier)
    .replaceAll('/srv/app/node_modules/.bin/gopush', process.execPath)
    .replaceAll('/srv/app', dir);
  const file = join(dir, `gopush-${tier}.service`);
  await writeFile(file, unit);
  const { code, output } = runTool('systemd-analyze', ['verify', '--man=no', file]);
  const own = output.split('\n').filter((line) => line.includes(`gopush-${tier}.service`));
  expect([code, own]).toEqual([0, []]);
  await writeFile(file, unit.replace('KillMode=mixed', 'KilMode=mixed'));
  expect(runTool('systemd-analyze', ['verify', '--man=no', file]).output).toMatch(/Unknown key (name )?'KilMode'/);
});

test.each(tiers)('the unit of %ss starts that tier, with settings that exist and the time to stop', (tier) => {
  const values = new Map(
    unitOf(tier)
      .split('\n')
      .filter((line) => line.includes('=') && !line.startsWith('#'))
      .map((line): [string, string] => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  expect(values.get('ExecStart')).toBe(`/srv/app/node_modules/.bin/gopush start ${tier}`);
  const variables = [...unitOf(tier).matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]);
  const config = readSettings(Object.fromEntries(variables) as Record<string, string>);
  expect(Number(values.get('TimeoutStopSec'))).toBeGreaterThan(stopSeconds(tier, config) + 5);
  expect(config.handOff.dir).toBe(`/run/${values.get('RuntimeDirectory')}`);
});
