import { setTimeout as delay } from 'node:timers/promises';
import { connectTarget, type ListedTarget, readyEvent } from '@gopush/agent/for-checks';
import type { Config } from '@gopush/contract';
import type { Finding } from './finding.ts';

/** How long a target may take to accept a connection, and how long all of them, in milliseconds. */
const oneMs = 2_000;
const allMs = 10_000;

/** How many are tried at a time, and how many that fail are named. */
const atOnce = 50;
const mostNamed = 20;

/**
 * Looks whether the targets that a router lists accept connections, and have the right certificates. One that does not
 * may be started later: it is a warning.
 */
export async function checkTargets(targets: readonly ListedTarget[], config: Config): Promise<Finding[]> {
  const waiting = targets.filter((target) => !isOwn(target, config));
  const findings: Finding[] = [];
  const next = async (): Promise<void> => {
    for (let target = waiting.shift(); target !== undefined; target = waiting.shift()) {
      const problem = await tryTo(target);
      if (problem !== undefined) findings.push(tell(target, problem));
    }
  };
  const all = Promise.all(Array.from({ length: atOnce }, next));
  const isLate = await Promise.race([all.then(() => false), delay(allMs, true, { ref: false })]);
  const found = findings.slice(0, mostNamed);
  if (findings.length > found.length)
    found.push(warn(`${findings.length - found.length} more targets do not accept connections`));
  if (isLate) found.push(warn(`${waiting.length} targets could not be checked within ${allMs} ms`));
  return found;
}

function tell({ product, name }: ListedTarget, problem: string): Finding {
  return warn(
    `product ${product}: ${name} does not accept connections (${problem}): is it started, and is the address correct?`,
  );
}

function warn(detail: string): Finding {
  return { what: 'target', state: 'warning', detail };
}

/** Push-servers of the project itself do not run while it is checked. */
function isOwn({ host, port }: ListedTarget, { serverPortStart, serverWorkers, pushServer }: Config): boolean {
  const isHere = host === pushServer.host || host === 'localhost' || /^(127\.|::1$)/.test(host);
  return isHere && port >= serverPortStart && port < serverPortStart + serverWorkers;
}

function tryTo(target: ListedTarget): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connectTarget(target).setTimeout(oneMs);
    const end = (problem: string | undefined): void => {
      socket.destroy();
      resolve(problem);
    };
    socket.once(readyEvent(socket), () => end(undefined));
    socket.once('timeout', () => end(`no response within ${oneMs} ms`));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}
