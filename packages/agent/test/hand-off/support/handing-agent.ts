import { once } from 'node:events';
import type { ConfigInput, Hooks } from '@gopush/contract';
import { expect, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import type { Agent } from '../../../src/start/start-agent.ts';
import { withAdmin } from '../../support/admin.ts';
import { createMemoryLog, hooksTo, type LogLine, startTestAgent } from '../../support/agent.ts';
import { patiently } from '../../support/wire.ts';

/** An agent that hands connections over, and its log. */
export interface HandingAgent {
  readonly agent: Agent;
  readonly lines: readonly LogLine[];
  /** The lines of connections that were handed over and have ended, once there are `count` of them. */
  ended(count: number): Promise<readonly LogLine['fields'][]>;
}

/**
 * Starts an agent whose targets take connections.
 *
 * @param channels - how many targets have to be connected to it before it is used
 */
export async function startHandingAgent(
  router: Hooks['router'],
  dir: string,
  config: ConfigInput = {},
  channels = 1,
): Promise<HandingAgent> {
  const { log, lines } = createMemoryLog();
  const agent = await startTestAgent(
    hooksTo(router),
    { ...withAdmin, ...config, handOff: { enabled: true, dir } },
    log,
  );
  const open = () => lines.filter(({ fields }) => fields.state === 'open').length;
  await expect.poll(open, patiently).toBeGreaterThanOrEqual(channels);
  const handed = () => lines.filter(({ message, fields }) => message === 'tunnel' && fields.handedOff === true);
  return {
    agent,
    lines,
    async ended(count) {
      await expect.poll(() => handed().length, patiently).toBe(count);
      return handed().map(({ fields }) => fields);
    },
  };
}

/** Opens a WebSocket, and waits for the first message. */
export async function openSocket(url: string): Promise<{ readonly socket: WebSocket; readonly first: string }> {
  const socket = new WebSocket(url);
  onTestFinished(() => socket.terminate());
  const [first] = await once(socket, 'message');
  return { socket, first: String(first) };
}

/** Sends a message to a target that echoes. @returns what came back */
export async function echo(socket: WebSocket, text: string): Promise<string> {
  socket.send(text);
  return String((await once(socket, 'message'))[0]);
}
