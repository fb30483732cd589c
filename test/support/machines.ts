import { execFileSync } from 'node:child_process';
import { onTestFinished } from 'vitest';

/** A machine of a test: a network namespace, on a switch with the others and the test itself. */
export interface Machine {
  readonly address: string;
  /** The command that starts a program there. */
  readonly prefix: readonly string[];
  /** Pulls its network cable, as when it loses power: no side is notified. */
  unplug(): void;
  plug(): void;
  /** From now on, packets to the other machine are lost; packets from it still arrive. */
  dropTo(other: Machine): void;
}

/** Machines on one switch. */
export interface Network {
  /** Address of the test itself. */
  readonly address: string;
  readonly machines: readonly Machine[];
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Why this machine does not let a test make network namespaces; `undefined` if it does. */
export function whyNoMachines(): string | undefined {
  const name = `gopush-try-${process.pid}`;
  try {
    ip('netns', 'add', name);
    ip('netns', 'exec', name, 'true');
    ip('netns', 'del', name);
    return undefined;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: Buffer };
    return `network namespaces cannot be made here: ${(stderr?.toString() || message).trim()}`;
  }
}

/** Connects this many machines, which end with the test. */
export function startMachines(count: number): Network {
  const { id, net } = freeNet();
  const bridge = `gpb${id.toString(16)}`;
  // This route stays: packets that the kernel still has to send to a machine of an ended test must not leave this host by its default route.
  ip('route', 'replace', 'blackhole', '198.18.0.0/15');
  ip('link', 'add', bridge, 'type', 'bridge');
  onTestFinished(() => ip('link', 'del', bridge));
  ip('addr', 'add', `${net}.254/24`, 'dev', bridge);
  ip('link', 'set', bridge, 'up');
  const machines = Array.from({ length: count }, (_, index) => startMachine(index + 1, id, net, bridge));
  return { address: `${net}.254`, machines };
}

/** A part of the benchmark network (RFC 2544), which nobody routes, that no other test has. One that was killed has left its own behind. */
function freeNet(): { readonly id: number; readonly net: string } {
  const taken = execFileSync('ip', ['-4', '-o', 'addr'], { encoding: 'utf8' });
  for (;;) {
    const id = Math.floor(Math.random() * 0xffff);
    const net = `198.18.${id >> 8}`;
    if (!taken.includes(` ${net}.`)) return { id, net };
  }
}

function startMachine(number: number, id: number, net: string, bridge: string): Machine {
  const name = `gopush-${id.toString(16)}-${number}`;
  const port = `gp${id.toString(16)}p${number}`;
  const address = `${net}.${number}`;
  const inside = (...args: string[]): void => ip('-n', name, ...args);
  ip('netns', 'add', name);
  onTestFinished(() => ip('netns', 'del', name));
  ip('link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  ip('link', 'set', port, 'master', bridge, 'up');
  inside('addr', 'add', `${address}/24`, 'dev', 'eth0');
  inside('link', 'set', 'eth0', 'up');
  inside('link', 'set', 'lo', 'up');
  return {
    address,
    prefix: ['ip', 'netns', 'exec', name],
    unplug: () => ip('link', 'set', port, 'down'),
    plug: () => ip('link', 'set', port, 'up'),
    // To a machine that is not there.
    dropTo: (other) =>
      inside('neigh', 'replace', other.address, 'lladdr', '02:00:00:00:00:fe', 'dev', 'eth0', 'nud', 'permanent'),
  };
}
