import { isIP } from 'node:net';
import { kindOf } from '../reading/kind-of.ts';
import { unknownKey } from '../reading/known-keys.ts';

/** Certificates or keys as PEM text, such as the result of `readFileSync('ca.pem')`. */
export type PemInput = string | Uint8Array | readonly (string | Uint8Array)[];

/** TLS between an agent and a target, as written in a router. */
export interface TlsInput {
  /** Authorities that may sign the target's certificate. @defaultValue those of Node, and of `NODE_EXTRA_CA_CERTS` */
  readonly ca?: PemInput;
  /** Client certificate of the agent, for targets that require one. */
  readonly cert?: PemInput;
  /** Key of that certificate. */
  readonly key?: PemInput;
  /** Name sent to the target (SNI), which its certificate must match. @defaultValue its host name, or `dns` of the target */
  readonly servername?: string;
  /** `false`: any certificate is accepted. Then anyone on the network path can read and change the traffic. @defaultValue true */
  readonly rejectUnauthorized?: boolean;
}

/** Parsed TLS options of a target. */
export interface TargetTls {
  readonly ca?: readonly string[];
  readonly cert?: readonly string[];
  readonly key?: readonly string[];
  /** `undefined`: the host is an address, for which no name is sent. */
  readonly servername: string | undefined;
  readonly rejectUnauthorized: boolean;
}

const keys = ['ca', 'cert', 'key', 'servername', 'rejectUnauthorized'] as const satisfies readonly (keyof TlsInput)[];

/**
 * Parses the `tls` of a target.
 *
 * @param host - host of the target, as written in the router
 * @returns the options, `undefined` without TLS, or a sentence with the problem
 */
export function parseTls(input: unknown, host: string): TargetTls | undefined | string {
  if (input === undefined || input === false) return undefined;
  if (input !== true && (typeof input !== 'object' || input === null || Array.isArray(input))) {
    return `tls: found ${kindOf(input)}, wanted true or { ${keys.join(', ')} }`;
  }
  const given = input === true ? {} : (input as Record<string, unknown>);
  const unknown = Object.keys(given).find((key) => !keys.includes(key as never));
  if (unknown !== undefined) return `tls.${unknown}: ${unknownKey(unknown, keys)}`;
  const { servername = isIP(host) === 0 ? host : undefined, rejectUnauthorized = true } = given;
  if (servername !== undefined && (typeof servername !== 'string' || !isServerName(servername))) {
    return `tls.servername: found ${kindOf(servername)}, wanted a host name, not an address`;
  }
  if (typeof rejectUnauthorized !== 'boolean') {
    return `tls.rejectUnauthorized: found ${kindOf(rejectUnauthorized)}, wanted true or false`;
  }
  const pems: { ca?: string[]; cert?: string[]; key?: string[] } = {};
  for (const key of ['ca', 'cert', 'key'] as const) {
    if (given[key] === undefined) continue;
    const texts = readPem(given[key]);
    if (texts === undefined) {
      return `tls.${key}: wanted PEM text, such as readFileSync('${key}.pem'), not the name of a file`;
    }
    pems[key] = texts;
  }
  if ((pems.cert === undefined) !== (pems.key === undefined)) return 'tls: wanted both cert and key, or neither';
  return { ...pems, servername, rejectUnauthorized };
}

function isServerName(name: string): boolean {
  return /^[\w.-]{1,253}$/.test(name) && isIP(name) === 0;
}

function readPem(input: unknown): string[] | undefined {
  const list: readonly unknown[] = Array.isArray(input) ? input : [input];
  const texts = list.map((one) => (one instanceof Uint8Array ? Buffer.from(one).toString('latin1') : one));
  const isPem = (text: unknown): text is string => typeof text === 'string' && text.includes('-----BEGIN ');
  return texts.length > 0 && texts.every(isPem) ? texts : undefined;
}
