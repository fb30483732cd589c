import { isDeepStrictEqual } from 'node:util';
import { readFile, readSettings, stopSeconds, type Tree, unknownKeys } from './deployment.ts';
import { kinds, metadata } from './kubernetes-shapes.ts';

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly env?: readonly {
    readonly name: string;
    readonly valueFrom: { readonly secretKeyRef: { name: string; key: string } };
  }[];
  readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly lifecycle?: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } };
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly securityContext: object;
}

interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string };
}

/** A resource of Kubernetes. */
export interface Resource extends Tree {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: { readonly name: string };
  // biome-ignore lint/suspicious/noExplicitAny: its shape was checked
  readonly spec: any;
  readonly data?: Readonly<Record<string, string>>;
}

type Labels = Readonly<Record<string, string>>;

const isIn = (wanted: Labels, given: Labels): boolean =>
  Object.entries(wanted).every(([name, value]) => given[name] === value);

/** What is wrong with the resources of a deployment. */
export function problemsOf(resources: readonly Resource[]): string[] {
  const shapes = resources.flatMap(({ kind, apiVersion, metadata: of, ...rest }) => {
    const known = kinds[kind];
    if (known?.apiVersion !== apiVersion) return [`${kind} of ${apiVersion} is not known`];
    return [...unknownKeys(of, metadata, `${kind}.metadata`), ...unknownKeys(rest, known.shape, `${kind} ${of.name}`)];
  });
  if (shapes.length > 0) return shapes;
  const workloads = resources.filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet');
  return [
    ...resources.flatMap((resource) => danglingIn(resource, workloads)),
    ...workloads.flatMap((workload) => wrongIn(workload, resources)),
  ];
}

/** References to pods and workloads that do not exist. */
function danglingIn({ kind, metadata: { name }, spec }: Resource, workloads: readonly Resource[]): string[] {
  const select = (wanted: Labels = {}): Resource[] =>
    workloads.filter((one) => isIn(wanted, one.spec.template.metadata.labels));
  const portsOf = (selected: readonly Resource[]): string[] =>
    selected.flatMap((one) =>
      one.spec.template.spec.containers.flatMap(({ ports: of }: Container) => of.map((port) => port.name)),
    );
  const at = `${kind} ${name}`;
  switch (kind) {
    case 'Service': {
      const selected = select(spec.selector);
      const wanted: string[] = spec.ports.map(({ targetPort }: { targetPort: string }) => targetPort);
      return [
        ...(selected.length === 1 ? [] : [`${at} selects ${selected.length} workloads`]),
        ...wanted.filter((port) => !portsOf(selected).includes(port)).map((port) => `${at}: no port ${port}`),
      ];
    }
    case 'PodDisruptionBudget':
      return select(spec.selector.matchLabels).length === 1 ? [] : [`${at} selects no workload`];
    case 'NetworkPolicy': {
      const selected = select(spec.podSelector.matchLabels);
      const wanted: string[] = spec.ingress.flatMap(({ ports: of }: { ports: { port: string }[] }) =>
        of.map(({ port }) => port),
      );
      return [
        ...(selected.length === 1 ? [] : [`${at} selects ${selected.length} workloads`]),
        ...wanted.filter((port) => !portsOf(selected).includes(port)).map((port) => `${at}: no port ${port}`),
      ];
    }
    case 'HorizontalPodAutoscaler': {
      const { kind: of, name: to, apiVersion } = spec.scaleTargetRef;
      const found = workloads.find((one) => one.kind === of && one.metadata.name === to);
      return [
        ...(found?.apiVersion === apiVersion ? [] : [`${at}: no ${of} ${to}`]),
        ...(found?.spec.replicas === undefined ? [] : [`${of} ${to} sets replicas, which ${at} does as well`]),
        ...(spec.minReplicas >= 2 && spec.maxReplicas > spec.minReplicas ? [] : [`${at}: wrong numbers`]),
      ];
    }
    default:
      return [];
  }
}

/** What is wrong within a workload. */
function wrongIn(workload: Resource, resources: readonly Resource[]): string[] {
  const { kind, metadata: of, spec } = workload;
  const { metadata: pods, spec: pod } = spec.template;
  const at = `${kind} ${of.name}`;
  const spread: { labelSelector: { matchLabels: Labels } }[] = pod.topologySpreadConstraints ?? [];
  const hasService = resources.some((one) => one.kind === 'Service' && one.metadata.name === spec.serviceName);
  return [
    ...(isIn(spec.selector.matchLabels, pods.labels) ? [] : [`${at}: its selector does not match its pods`]),
    ...(kind !== 'StatefulSet' || hasService ? [] : [`${at}: no service ${spec.serviceName}`]),
    ...spread.flatMap(({ labelSelector }) =>
      isIn(labelSelector.matchLabels, pods.labels) ? [] : [`${at} spreads other pods`],
    ),
    ...(pod.securityContext.runAsNonRoot === true ? [] : [`${at} runs as root`]),
    ...pod.containers.flatMap((one: Container) => [
      ...wrongProbes(at, one),
      ...wrongVolumes(at, one, pod.volumes),
      ...(isDeepStrictEqual(one.securityContext, restricted) ? [] : [`${at} may do too much`]),
      ...(one.name === 'redis' ? [] : wrongProcess(at, one, pod.terminationGracePeriodSeconds, resources)),
    ]),
  ];
}

function wrongProbes(at: string, one: Container): string[] {
  const names = one.ports.map((port) => port.name);
  const listener = readFile('packages/service/src/admin/own-routes.ts');
  return [one.startupProbe, one.readinessProbe, one.livenessProbe].flatMap((probe) => {
    if (probe?.httpGet === undefined) return [];
    const { path, port } = probe.httpGet;
    return [
      ...(names.includes(port) ? [] : [`${at}: a probe asks no port of it`]),
      ...(listener.includes(`'GET ${path}'`) ? [] : [`${at}: no listener has ${path}`]),
    ];
  });
}

function wrongVolumes(
  at: string,
  { volumeMounts = [] }: Container,
  volumes: readonly { name: string }[] = [],
): string[] {
  const names = volumes.map(({ name }) => name);
  return volumeMounts.filter(({ name }) => !names.includes(name)).map(({ name }) => `${at}: no volume ${name}`);
}

/** What the admission of Kubernetes demands if it is restricted. */
const restricted = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } };

/** What does not fit the settings that the container gets. */
function wrongProcess(
  at: string,
  { args: [command, tier], env = [], envFrom = [], ports: of, lifecycle }: Container,
  graceSeconds: number,
  resources: readonly Resource[],
): string[] {
  if (command !== 'start' || (tier !== 'agent' && tier !== 'push-server')) return [`${at}: wrong args`];
  const keys = env.map(({ name, valueFrom: { secretKeyRef } }) => `${name}=${secretKeyRef.key}`);
  const settings = resources.find((one) => one.kind === 'ConfigMap');
  const data = settings?.data ?? {};
  const problems: string[] = [];
  if (envFrom[0]?.configMapRef.name !== settings?.metadata.name) problems.push(`${at} reads other settings`);
  const secret = resources.find((one) => one.kind === 'Secret')?.metadata.name ?? 'gopush';
  if (env.some(({ valueFrom }) => valueFrom.secretKeyRef.name !== secret)) problems.push(`${at} reads another secret`);
  if (keys.join() !== 'GOPUSH_ACCESS_SECRETS=access-secret,REDIS_URL=redis-url') problems.push(`${at}: other secrets`);
  const config = readSettings({ ...data, REDIS_URL: 'redis://redis:6379' });
  const { agentPort, serverPortStart, admin } = config;
  const wanted = tier === 'agent' ? [agentPort, admin?.agentPort] : [serverPortStart, admin?.serverPort];
  if (of.map(({ containerPort }) => containerPort).join() !== wanted.join()) problems.push(`${at}: other ports`);
  const [program, argument = ''] = lifecycle?.preStop.exec.command ?? [];
  const before = program === 'sleep' ? Number(argument) : stopSeconds(tier, config);
  if (program !== 'sleep' && !program?.endsWith('/gopush')) problems.push(`${at}: other preStop`);
  if (graceSeconds < before + stopSeconds(tier, config) + 10) problems.push(`${at} is killed before it has stopped`);
  return problems;
}
