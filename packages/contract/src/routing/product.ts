import { kindOf } from '../reading/kind-of.ts';
import { unknownKey } from '../reading/known-keys.ts';
import { parseTargets } from './parse-targets.ts';
import type { TargetSource, TargetsInput } from './target.ts';

/** How a target is chosen among those of a product. */
export const chooseNames = ['hash', 'bounded-hash', 'least-connections', 'random-of-two'] as const;

/** What keeps a session on its target while the list of targets changes. */
export const stickyNames = ['sid', 'cookie', 'none'] as const;

/** How targets other than push-servers get the identity of a client. Push-servers always get both forms. */
export const identityNames = ['headers', 'query+headers'] as const;

/** What agents do with CORS preflights, which carry no credentials. */
export const preflightNames = ['answer', 'pass'] as const;

/** Settings of a product. The default of each is the setting in the config. */
export interface ProductOptions {
  /** How a target is chosen. @defaultValue `routing.choose` */
  readonly choose?: (typeof chooseNames)[number];
  /** With `bounded-hash`: the multiple of its fair share that a target takes. @defaultValue `routing.boundedLoad` */
  readonly boundedLoad?: number;
  /** What keeps a session on its target. @defaultValue `routing.sticky` */
  readonly sticky?: (typeof stickyNames)[number];
  /** Health probe: `none`, `tcp` or an HTTP path. @defaultValue `health.check` */
  readonly check?: string;
  /** How long clients queue while no target is up, in milliseconds. @defaultValue `hold.timeoutMs` */
  readonly holdMs?: number;
  /**
   * Whether requests of several clients may use the same connection to a target, one after another. `false` for targets that do not read request
   * bodies to the end: they would take the rest for the next request. @defaultValue `routing.reuse`
   */
  readonly reuse?: boolean;
  /**
   * How its targets get the identity: only `x-gopush-uid`, or also `uid=` in the query, as in gopush 0.1. A `uid` in the client's query is always
   * removed. @defaultValue `routing.identity`; push-servers that gopush runs get both
   */
  readonly identity?: (typeof identityNames)[number];
  /**
   * Whether anyone may use it: no hook decides who a client is, and its targets get no uid. For sign-up pages, files, webhooks of third
   * parties. @defaultValue false
   */
  readonly public?: boolean;
  /**
   * What the agent does with CORS preflights. `answer`: it responds to those of `access.allowedOrigins`. `pass`: the
   * target gets those of all origins, without a uid and without a call of a hook.
   * @defaultValue `routing.preflight`
   */
  readonly preflight?: (typeof preflightNames)[number];
}

/** The settings of one product, complete. */
export type ProductPolicy = Required<ProductOptions>;

/** Targets of a product with its settings, in a router. */
export interface ProductInput<Hook> extends ProductOptions {
  readonly targets: TargetsInput | Hook;
}

/** A parsed product of a router. */
export interface ProductRoute {
  /** The source of its targets; `undefined`: the function in its entry. */
  readonly source: TargetSource | undefined;
  readonly hook: unknown;
  readonly options: ProductOptions;
}

const checks: Readonly<Record<keyof ProductOptions, readonly [(value: unknown) => boolean, string]>> = {
  choose: [(value) => chooseNames.includes(value as never), `one of ${chooseNames.join(', ')}`],
  boundedLoad: [(value) => typeof value === 'number' && value > 1 && value <= 100, 'a number above 1, up to 100'],
  sticky: [(value) => stickyNames.includes(value as never), `one of ${stickyNames.join(', ')}`],
  check: [(value) => typeof value === 'string' && /^(none|tcp|\/[!-~]*)$/.test(value), 'none, tcp or a path'],
  holdMs: [
    (value) => typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 600_000,
    'whole milliseconds from 0 to 600000',
  ],
  identity: [(value) => identityNames.includes(value as never), `one of ${identityNames.join(', ')}`],
  reuse: [(value) => typeof value === 'boolean', 'true or false'],
  public: [(value) => typeof value === 'boolean', 'true or false'],
  preflight: [(value) => preflightNames.includes(value as never), `one of ${preflightNames.join(', ')}`],
};

/**
 * Parses one entry of a router: targets, a function, or either with settings.
 *
 * @returns the entry, or a sentence with the problem
 */
export function parseProduct(entry: unknown): ProductRoute | string {
  if (typeof entry === 'function') return { source: undefined, hook: entry, options: {} };
  if (typeof entry !== 'object' || entry === null || !('targets' in entry)) {
    const source = parseTargets(entry);
    return typeof source === 'string' ? source : { source, hook: undefined, options: {} };
  }
  const { targets, ...options } = entry as Record<string, unknown>;
  for (const [key, value] of Object.entries(options)) {
    const check = Object.hasOwn(checks, key) ? checks[key as keyof ProductOptions] : undefined;
    if (check === undefined) return `${key}: ${unknownKey(key, ['targets', ...Object.keys(checks)])}`;
    const [fits, wanted] = check;
    if (!fits(value))
      return `${key}: found ${typeof value === 'object' ? kindOf(value) : String(value)}, wanted ${wanted}`;
  }
  if (typeof targets === 'function') return { source: undefined, hook: targets, options };
  const source = parseTargets(targets);
  return typeof source === 'string' ? `targets: ${source}` : { source, hook: undefined, options };
}
