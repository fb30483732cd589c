import { readlinkSync } from 'node:fs';

/**
 * The versions of the protocol that this package speaks. A peer without a common version is refused, and nothing is handed over. Version 2 has
 * `askToLeave`, which version 1 ignores; with version 3 the notes of a taker include what it has read last.
 */
const ownVersions = [1, 3] as const;

/** The first message of each side, as JSON. Unknown fields are ignored. */
export interface Hello {
  /** Oldest and newest version that the side speaks. */
  readonly versions: readonly [number, number];
  /** The network namespace, to which connections and ports belong. */
  readonly network: string;
  /** Name for logs. */
  readonly name: string;
  /** Of a giver: the token that it sent first over the socket for descriptors. */
  readonly token?: string | undefined;
  /** Of a taker: slots in its file of notes; 0: it notes nothing. The file's descriptor comes with tag 0, and is locked while the taker lives. */
  readonly slots?: number | undefined;
  /** Of a taker: the address at which its server listens; absent: not known. */
  readonly address?: string | undefined;
  /** Of a taker: whether it may be killed when it is silent for long, so that others continue its connections. */
  readonly mayBeKilled?: boolean | undefined;
}

/** Longest name that is shown, in characters. */
const maxNameLength = 100;

/** This process's hello. */
export function ownHello(name: string, more: Pick<Hello, 'token' | 'slots' | 'address' | 'mayBeKilled'>): Hello {
  return { versions: ownVersions, network: ownNetwork(), name, ...more };
}

export function writeHello(hello: Hello): Buffer {
  return Buffer.from(JSON.stringify(hello));
}

/** @returns `undefined` for anything else */
export function readHello(payload: Buffer): Hello | undefined {
  let value: Partial<Hello> | null;
  try {
    value = JSON.parse(payload.toString());
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { versions, network, name, token, slots, address, mayBeKilled } = value;
  if (!Array.isArray(versions) || !versions.every(Number.isInteger) || versions.length !== 2) return undefined;
  if (typeof network !== 'string' || typeof name !== 'string') return undefined;
  return {
    versions: versions as [number, number],
    network,
    name: name.slice(0, maxNameLength),
    token: typeof token === 'string' ? token : undefined,
    slots: Number.isInteger(slots) ? slots : undefined,
    address: typeof address === 'string' ? address : undefined,
    mayBeKilled: mayBeKilled === true,
  };
}

/** The newest version that both sides speak. */
export function commonVersion({ versions: [, newest] }: Hello): number {
  return Math.min(newest, ownVersions[1]);
}

/** Why the sender of a hello cannot be used; `undefined`: it can. */
export function unfitHello({ versions, network }: Hello): string | undefined {
  const [oldest, newest] = versions;
  if (oldest > ownVersions[1] || newest < ownVersions[0]) {
    return `it speaks version ${oldest}–${newest} of the protocol, this process version ${ownVersions.join('–')}`;
  }
  return network === ownNetwork() ? undefined : 'it is in another network namespace';
}

let network: string | undefined;

function ownNetwork(): string {
  network ??= readNetwork();
  return network;
}

function readNetwork(): string {
  try {
    return readlinkSync('/proc/self/ns/net');
  } catch {
    // No procfs: then there is no other namespace that can be told from this one.
    return '';
  }
}
