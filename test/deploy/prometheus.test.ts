import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder } from '../support/cli.ts';
import { readFile, readYaml } from '../support/deployment.ts';
import { runTool, whyNot } from '../support/tool.ts';

const noPromtool = whyNot('promtool');
const folder = join(import.meta.dirname, '../../deploy/prometheus');

test.skipIf(noPromtool !== '')(`Prometheus accepts the configurations and the rules${noPromtool}`, async () => {
  const dir = await makeFolder();
  await cp(folder, dir, { recursive: true });
  for (const file of ['prometheus.yml', 'kubernetes.yml']) {
    let { code, output } = runTool('promtool', ['check', 'config', file], dir);
    if (output.includes('kubernetes_sd_configs not found')) {
      // Debian builds it without Kubernetes: the rest is checked with fixed addresses.
      const text = readFile(`deploy/prometheus/${file}`);
      const fixed = text.replace(/kubernetes_sd_configs:\n(?: {6}.*\n)+/, 'static_configs: [{ targets: ["a:1"] }]\n');
      await writeFile(join(dir, file), fixed);
      ({ code, output } = runTool('promtool', ['check', 'config', file], dir));
    }
    expect(code, output).toBe(0);
    expect(output).toMatch(/rules\/alerts\.yml/);
  }
});

test.skipIf(noPromtool !== '')(`the expressions of the board are PromQL${noPromtool}`, async () => {
  const { panels } = JSON.parse(readFile('deploy/grafana/gopush.json')) as {
    panels: { targets?: { expr: string }[] }[];
  };
  const exprs = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  const rules = exprs.map((expr, index) => ({
    record: `panel:${index}`,
    expr: expr.replaceAll('$__rate_interval', '1m'),
  }));
  const file = join(await makeFolder(), 'board.yml');
  // JSON is YAML.
  await writeFile(file, JSON.stringify({ groups: [{ name: 'board', rules }] }));
  const { code, output } = runTool('promtool', ['check', 'rules', file]);
  expect(code, output).toBe(0);
  expect(output).toContain(`${exprs.length} rules found`);
});

test.skipIf(noPromtool !== '')(`alerts fire when they should, and not when all is well${noPromtool}`, async () => {
  const dir = await makeFolder();
  await cp(join(folder, 'rules'), join(dir, 'rules'), { recursive: true });
  await cp(join(import.meta.dirname, 'alerts.yml'), join(dir, 'alerts.yml'));
  const { code, output } = runTool('promtool', ['test', 'rules', 'alerts.yml'], dir);
  expect(code, output).toBe(0);
});

test('each scrape configuration reads the rules, and finds nodes in its own way', () => {
  const found = ['prometheus.yml', 'kubernetes.yml'].flatMap((name) => {
    const [config] = readYaml(readFile(`deploy/prometheus/${name}`)) as unknown as [
      { rule_files: string[]; scrape_configs: Record<string, unknown>[] },
    ];
    expect(config.rule_files).toEqual(['rules/*.yml']);
    // Alerts match jobs by this name.
    for (const { job_name: job } of config.scrape_configs) expect(job).toMatch(/^gopush/);
    return config.scrape_configs.flatMap((one) => Object.keys(one).filter((key) => key.endsWith('_configs')));
  });
  expect(new Set(found)).toEqual(
    new Set(['static_configs', 'file_sd_configs', 'kubernetes_sd_configs', 'relabel_configs']),
  );
});
