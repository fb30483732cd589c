import { any, type Shape } from './deployment.ts';

const labels: Shape = any;
const selector: Shape = { matchLabels: labels };
/** The fields of `metadata`. */
export const metadata: Shape = { name: 'string', namespace: 'string', labels };
const probe: Shape = {
  httpGet: { path: 'string', port: 'string' },
  exec: { command: ['string'] },
  periodSeconds: 'number',
  timeoutSeconds: 'number',
  failureThreshold: 'number',
};
const container: Shape = {
  name: 'string',
  image: 'string',
  args: ['string'],
  envFrom: [{ configMapRef: { name: 'string' } }],
  env: [{ name: 'string', value: 'string', valueFrom: { secretKeyRef: { name: 'string', key: 'string' } } }],
  ports: [{ name: 'string', containerPort: 'number' }],
  startupProbe: probe,
  readinessProbe: probe,
  livenessProbe: probe,
  lifecycle: { preStop: { exec: { command: ['string'] } } },
  resources: { requests: { cpu: 'string', memory: 'string' }, limits: { memory: 'string' } },
  securityContext: {
    allowPrivilegeEscalation: 'boolean',
    readOnlyRootFilesystem: 'boolean',
    capabilities: { drop: ['string'] },
  },
  volumeMounts: [{ name: 'string', mountPath: 'string' }],
};
/** The fields of a pod. */
export const podSpec: Shape = {
  terminationGracePeriodSeconds: 'number',
  automountServiceAccountToken: 'boolean',
  securityContext: {
    runAsNonRoot: 'boolean',
    runAsUser: 'number',
    runAsGroup: 'number',
    fsGroup: 'number',
    seccompProfile: { type: 'string' },
  },
  topologySpreadConstraints: [
    { maxSkew: 'number', topologyKey: 'string', whenUnsatisfiable: 'string', labelSelector: selector },
  ],
  containers: [container],
  volumes: [{ name: 'string', emptyDir: { medium: 'string' } }],
};
const template: Shape = { metadata: { labels }, spec: podSpec };
const ports: Shape = [{ port: 'string', protocol: 'string' }];
const scaling: Shape = { type: 'string', value: 'number', periodSeconds: 'number' };

/** The fields of each kind that are used here, from https://kubernetes.io/docs/reference/kubernetes-api/. */
export const kinds: Readonly<
  Record<string, { readonly apiVersion: string; readonly shape: Readonly<Record<string, Shape>> }>
> = {
  Namespace: { apiVersion: 'v1', shape: {} },
  ConfigMap: { apiVersion: 'v1', shape: { data: any } },
  Secret: { apiVersion: 'v1', shape: { data: any, type: 'string' } },
  Service: {
    apiVersion: 'v1',
    shape: {
      spec: {
        type: 'string',
        clusterIP: 'string',
        externalTrafficPolicy: 'string',
        selector: labels,
        ports: [{ name: 'string', port: 'number', targetPort: 'string' }],
      },
    },
  },
  Deployment: {
    apiVersion: 'apps/v1',
    shape: {
      spec: {
        replicas: 'number',
        selector,
        strategy: { type: 'string', rollingUpdate: { maxSurge: 'number', maxUnavailable: 'number' } },
        minReadySeconds: 'number',
        template,
      },
    },
  },
  StatefulSet: {
    apiVersion: 'apps/v1',
    shape: {
      spec: {
        serviceName: 'string',
        podManagementPolicy: 'string',
        selector,
        updateStrategy: { type: 'string' },
        minReadySeconds: 'number',
        template,
      },
    },
  },
  PodDisruptionBudget: { apiVersion: 'policy/v1', shape: { spec: { maxUnavailable: 'number', selector } } },
  NetworkPolicy: {
    apiVersion: 'networking.k8s.io/v1',
    shape: {
      spec: {
        podSelector: selector,
        policyTypes: ['string'],
        ingress: [{ from: [{ podSelector: selector, namespaceSelector: selector }], ports }],
      },
    },
  },
  HorizontalPodAutoscaler: {
    apiVersion: 'autoscaling/v2',
    shape: {
      spec: {
        scaleTargetRef: { apiVersion: 'string', kind: 'string', name: 'string' },
        minReplicas: 'number',
        maxReplicas: 'number',
        metrics: [
          {
            type: 'string',
            pods: { metric: { name: 'string' }, target: { type: 'string', averageValue: 'string' } },
            resource: { name: 'string', target: { type: 'string', averageValue: 'string' } },
          },
        ],
        behavior: {
          scaleUp: { policies: [scaling] },
          scaleDown: { stabilizationWindowSeconds: 'number', policies: [scaling] },
        },
      },
    },
  },
};
