import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { failures } from '@gopush/contract';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { guides } from '../support/docs.ts';
import { type DefinedMetrics, defineMetrics, labelsOf } from '../support/metric-definitions.ts';
import { namesIn } from '../support/promql.ts';

const root = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

/** Labels that Prometheus adds to everything that it scrapes, with those of `deploy/prometheus`. */
const ofPrometheus = ['job', 'instance', 'machine', 'namespace', 'pod'];

/** What a label can be, if that is a closed list. */
const values: Readonly<Record<string, readonly string[]>> = {
  code: Object.keys(failures),
  from: ['client', 'target'],
  owners: ['one', 'two'],
};

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: { readonly severity?: string };
  readonly annotations?: { readonly summary?: string; readonly runbook?: string };
}

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly legendFormat: string }[];
}

const rulesOf = (file: string): Rule[] =>
  (parse(read(file)) as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules }) => rules);
const folder = 'deploy/prometheus/rules';
const rules = readdirSync(join(root, folder)).flatMap((name) => rulesOf(`${folder}/${name}`));
const alerts = rules.filter(({ alert }) => alert !== undefined);
const board = JSON.parse(read('deploy/grafana/gopush.json')) as {
  panels: Panel[];
  templating: { list: { name: string; type: string; definition?: string }[] };
};

/** Labels that Prometheus stores with a name: of a metric, or of a recorded rule. */
function labelsIn(name: string, definitions: DefinedMetrics['definitions']): readonly string[] | undefined {
  if (name === 'up') return [];
  const rule = rules.find(({ record }) => record === name);
  if (rule === undefined) return labelsOf(name, definitions);
  const { grouping, selectors } = namesIn(rule.expr);
  // `on` joins, and groups nothing.
  if (/\bby \(/.test(rule.expr)) return grouping.filter((label) => label !== 'le');
  return selectors.flatMap(({ metric = '' }) => labelsIn(metric, definitions) ?? []);
}

/** What an expression names that does not exist. */
function unknownIn(expression: string, definitions: DefinedMetrics['definitions']): string[] {
  const { selectors, grouping } = namesIn(expression);
  const all = new Set(ofPrometheus);
  const unknown: string[] = [];
  for (const { metric = '', matchers } of selectors) {
    const labels = labelsIn(metric, definitions);
    if (labels === undefined) unknown.push(`no metric ${metric}`);
    for (const label of labels ?? []) all.add(label);
    for (const { label, operator, value } of matchers) {
      if (!ofPrometheus.includes(label) && labels?.includes(label) !== true)
        unknown.push(`${metric} has no label ${label}`);
      const known = values[label];
      const isMeant = (one: string): boolean =>
        operator.endsWith('~') ? new RegExp(`^(?:${value})$`).test(one) : one === value;
      if (known !== undefined && !known.some(isMeant)) unknown.push(`no ${label} is ${value}`);
    }
  }
  return [...unknown, ...grouping.filter((label) => !all.has(label)).map((label) => `nothing has a label ${label}`)];
}

test('rules, alerts, the board and the docs name metrics and labels that agents and push-servers have', async () => {
  const { definitions, shown } = await defineMetrics();
  expect(definitions.size).toBeGreaterThan(60);
  for (const [name, { type }] of definitions) expect(`${name} ${type}`).not.toContain('not shown');
  const problems = rules.flatMap(({ record, alert, expr, annotations }) => {
    const { selectors } = namesIn(expr);
    const labels = selectors.flatMap(({ metric = '' }) => labelsIn(metric, definitions) ?? []);
    const told = [...(annotations?.summary ?? '').matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label);
    const wrong = told.filter((label) => ![...labels, ...ofPrometheus].includes(label));
    return [...unknownIn(expr, definitions), ...wrong.map((label) => `no label ${label}`)].map(
      (problem) => `${record ?? alert}: ${problem}`,
    );
  });
  expect(problems).toEqual([]);
  const wrong = board.panels.flatMap(({ title, targets = [] }) =>
    targets.flatMap(({ expr, legendFormat }) => {
      const { selectors, grouping } = namesIn(expr);
      const isGrouped = /\bby \(/.test(expr);
      const labels = isGrouped ? grouping : selectors.flatMap(({ metric = '' }) => labelsIn(metric, definitions) ?? []);
      const shownLabels = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
      const missing = shownLabels.filter((label) => ![...labels, ...(isGrouped ? [] : ofPrometheus)].includes(label));
      return [...unknownIn(expr, definitions), ...missing.map((label) => `the legend has no ${label}`)].map(
        (problem) => `${title}: ${problem}`,
      );
    }),
  );
  expect(wrong).toEqual([]);
  // Variables select nodes by a metric that both tiers have.
  for (const { definition } of board.templating.list.filter(({ type }) => type === 'query')) {
    const [, pattern = ''] = /__name__=~"([^"]+)"/.exec(definition ?? '') ?? [];
    const matching = [...definitions.keys()].filter((name) => new RegExp(`^(?:${pattern})$`).test(name));
    expect(matching.map((name) => name.split('_')[1]).toSorted()).toEqual(['agent', 'server']);
  }
  expect(undocumented(definitions)).toEqual([]);
  const named = guides.flatMap((file) =>
    [...read(file).matchAll(/\bgopush_(?:agent|server)_\w+/g)].map(([name]) => ({ file, name })),
  );
  expect(named.length).toBeGreaterThan(30);
  const known = (name: string): boolean =>
    [name, `${name}_sum`].some((one) => labelsIn(one, definitions) !== undefined);
  expect(named.filter(({ name }) => !known(name))).toEqual([]);
  // Without its tier nobody finds it.
  const bare = guides
    .filter((file) => file !== 'docs/operations.md')
    .flatMap((file) => [...read(file).matchAll(/`(\w+_(?:seconds|total))`/g)].map(([, name]) => ({ file, name })))
    .filter(({ name }) => !/^(gopush|process|nodejs)_/.test(name ?? ''));
  expect(bare).toEqual([]);
  expect(shown).toHaveLength(2);
});

/** Names of docs/operations.md that do not exist, and metrics that it lacks. */
function undocumented(definitions: DefinedMetrics['definitions']): string[] {
  const text = read('docs/operations.md');
  const documented = new Map<string, readonly string[]>();
  for (const [tier, heading] of [
    ['agent', 'Metrics of agents'],
    ['server', 'Metrics of push-servers'],
  ]) {
    const [section = ''] = text.split(`\n## ${heading}\n`)[1]?.split('\n## ') ?? [];
    for (const [, cell = ''] of section.matchAll(/^\| (`.*?) \|/gm)) {
      for (const [, name = '', labels] of cell.matchAll(/`(\w+)(?:\{([\w,]+)\})?`/g)) {
        documented.set(`gopush_${tier}_${name}`, labels?.split(',') ?? []);
      }
    }
  }
  const wrong = [...documented].flatMap(([name, labels]) => {
    const known = definitions.get(name)?.labels;
    if (known === undefined) return [`${name} does not exist`];
    return labels.filter((label) => !known.includes(label)).map((label) => `${name} has no label ${label}`);
  });
  const own = [...definitions.keys()].filter((name) => name.startsWith('gopush_') && !/_admin_/.test(name));
  return [...wrong, ...own.filter((name) => !documented.has(name)).map((name) => `${name} is not documented`)];
}

test('a name that does not exist is seen', () => {
  const definitions = new Map([
    ['gopush_agent_moves_total', { type: 'counter', labels: ['cause'] }],
    ['gopush_agent_move_pause_seconds', { type: 'histogram', labels: [] }],
  ]);
  const unknown = (expression: string): string[] => unknownIn(expression, definitions);
  expect(unknown('sum by (job, cause) (rate(gopush_agent_moves_total{cause="crash"}[5m])) > 0')).toEqual([]);
  expect(unknown('histogram_quantile(0.99, sum by (le) (rate(gopush_agent_move_pause_seconds_bucket[5m])))')).toEqual(
    [],
  );
  expect(unknown('gopush_agent_moved_total')).toEqual(['no metric gopush_agent_moved_total']);
  expect(unknown('gopush_agent_move_pause_seconds')).toEqual(['no metric gopush_agent_move_pause_seconds']);
  expect(unknown('gopush_agent_moves_total{couse="crash"}')).toEqual(['gopush_agent_moves_total has no label couse']);
  expect(unknown('sum by (room) (gopush_agent_moves_total)')).toEqual(['nothing has a label room']);
  expect(() => unknown('summ(gopush_agent_moves_total)')).toThrow('no function summ');
});

test('each alert says what is wrong, and its runbook is a section of docs/alerts.md that leads to the table of failures', () => {
  const text = read('docs/alerts.md');
  const sections = new Map(
    text
      .split(/^## /m)
      .slice(1)
      .map((section) => {
        const [heading = ''] = section.split('\n');
        return [heading.toLowerCase().replaceAll(' ', '-'), section];
      }),
  );
  for (const { alert = '', annotations, labels } of alerts) {
    const anchor = annotations?.runbook?.replace(/^docs\/alerts\.md#/, '') ?? '';
    expect(sections.get(anchor), `${alert}: ${annotations?.runbook}`).toContain(`\`${alert}\``);
    expect(sections.get(anchor), `${alert} leads to no failure`).toContain('](failures.md)');
    expect(annotations?.summary, alert).toMatch(/^.{20,}/);
    expect(labels?.severity, alert).toMatch(/^(critical|warning)$/);
  }
  const named = [...text.matchAll(/`(Gopush\w+)`/g)].map(([, name]) => name);
  expect(named.toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted());
});

test('the panels of the board have ids of their own and do not lie on each other, and all ask the chosen data source', () => {
  const { panels } = board;
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const taken = new Set<string>();
  for (const { title, gridPos, targets = [], type } of panels) {
    const { x, y, w, h } = gridPos;
    expect(x + w, title).toBeLessThanOrEqual(24);
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        expect(taken.has(`${column},${line}`), `${title} lies on another panel`).toBe(false);
        taken.add(`${column},${line}`);
      }
    }
    expect(['row', 'stat', 'timeseries', 'state-timeline']).toContain(type);
    expect(targets.length > 0 || type === 'row', title).toBe(true);
    expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    for (const { expr } of targets) {
      for (const { matchers, metric } of namesIn(expr).selectors) {
        expect(
          matchers.map(({ label, value }) => `${label} ${value}`),
          `${title}: ${metric}`,
        ).toEqual(expect.arrayContaining(['job $job', 'instance $instance']));
      }
    }
  }
  expect(JSON.stringify(board).match(/"uid":"(?!gopush|\$\{datasource\})/g)).toBeNull();
});
