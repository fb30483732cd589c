import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readFile, readYaml } from '../support/deployment.ts';
import { problemsOf, type Resource } from '../support/kubernetes-problems.ts';
import { runTool, whyNot } from '../support/tool.ts';

const root = join(import.meta.dirname, '../..');
const folder = 'deploy/kubernetes';

const readAll = (text: string): Resource[] => readYaml(text) as Resource[];
const base = (): Resource[] =>
  readdirSync(join(root, folder, 'base'))
    .filter((name) => name !== 'kustomization.yaml')
    .flatMap((name) => readAll(readFile(`${folder}/base/${name}`)));

test('the resources for Kubernetes fit each other, the settings and the admin listener', () => {
  const resources = base();
  expect(resources.length).toBeGreaterThan(10);
  expect(problemsOf(resources)).toEqual([]);
  const { resources: listed } = readYaml(readFile(`${folder}/base/kustomization.yaml`))[0] as { resources: string[] };
  expect(listed.toSorted()).toEqual(
    readdirSync(join(root, folder, 'base'))
      .filter((name) => name !== 'kustomization.yaml')
      .toSorted(),
  );
  expect(problemsOf(readAll(readFile(`${folder}/trial/redis.yaml`)))).toEqual([]);
});

test.each([
  [
    'a selector that matches no pod',
    'agent.yaml',
    'matchLabels: { app.kubernetes.io/component: agent }\n  strategy',
    'matchLabels: { app.kubernetes.io/component: agents }\n  strategy',
    /selector does not match/,
  ],
  ['a port without a name', 'push-server.yaml', 'targetPort: http', 'targetPort: web', /no port web/],
  ['a path that no listener has', 'agent.yaml', 'path: /livez', 'path: /healthz', /no listener has \/healthz/],
  [
    'a variable that is no setting',
    'settings.yaml',
    'GOPUSH_AGENT_DRAIN_MS',
    'GOPUSH_AGENT_DRAINMS',
    /GOPUSH_AGENT_DRAINMS/,
  ],
  [
    'a stop that is too short',
    'push-server.yaml',
    'terminationGracePeriodSeconds: 140',
    'terminationGracePeriodSeconds: 75',
    /killed before it has stopped/,
  ],
  ['a field that does not exist', 'autoscaling.yaml', 'minReplicas: 2', 'minReplica: 2', /minReplica is not known/],
])('%s is seen', (_what, file, before, after, problem) => {
  const text = readFile(`${folder}/base/${file}`);
  expect(text).toContain(before);
  const changed = readAll(text.replace(before, after));
  const others = base().filter(
    ({ kind, metadata: { name } }) => !changed.some((one) => one.kind === kind && one.metadata.name === name),
  );
  const problems = (): string[] => problemsOf([...changed, ...others]);
  if (file === 'settings.yaml') expect(problems).toThrow(problem);
  else expect(problems().join('\n')).toMatch(problem);
});

test('the autoscaler asks for metrics that the adapter makes of those that pods have', () => {
  const { rules } = readYaml(readFile(`${folder}/prometheus-adapter.yaml`))[0] as {
    rules: { custom: { seriesQuery: string; name: { as: string }; metricsQuery: string }[] };
  };
  const made = rules.custom.map(({ name }) => name.as);
  const asked = base()
    .filter(({ kind }) => kind === 'HorizontalPodAutoscaler')
    .flatMap(({ spec }) =>
      spec.metrics.flatMap(({ pods }: { pods?: { metric: { name: string } } }) => pods?.metric.name ?? []),
    );
  expect(asked.toSorted()).toEqual(made.toSorted());
  // test/deploy/metrics.test.ts sees that rules and boards name metrics that exist; these are among them.
  const recorded = readFile('deploy/prometheus/rules/recording.yml');
  for (const { seriesQuery, metricsQuery } of rules.custom) {
    const [metric = ''] = seriesQuery.split('{');
    expect(recorded).toContain(`(${metric})`);
    expect(seriesQuery).toContain('{namespace!="",pod!=""}');
    expect(metricsQuery).toContain('<<.GroupBy>>');
  }
  const scraped = readFile('deploy/prometheus/kubernetes.yml');
  for (const label of ['namespace', 'pod']) expect(scraped).toContain(`target_label: ${label}\n`);
});

const noKubectl = whyNot('kubectl');
test.skipIf(noKubectl !== '').each(['trial', 'production'])(
  `what kustomize makes of %s is right as well${noKubectl}`,
  (overlay) => {
    const { code, output } = runTool('kubectl', ['kustomize', `${folder}/${overlay}`], root);
    expect(code, output).toBe(0);
    const resources = readAll(output);
    expect(problemsOf(resources)).toEqual([]);
    for (const { kind, metadata: of } of resources.filter((one) => one.kind !== 'Namespace')) {
      expect(`${kind} ${of.name} of ${(of as { namespace?: string }).namespace}`).toMatch(/ of gopush$/);
    }
    expect(output).not.toContain('image: gopush-app');
  },
);
