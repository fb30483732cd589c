import type { ConfigInput } from '@gopush/contract';
import { expect } from 'vitest';
import type { Agent } from '../../src/start/start-agent.ts';
import { send } from './client.ts';

/** Settings that give an agent an admin listener on a free port. */
export const withAdmin: Pick<ConfigInput, 'admin'> = { admin: { agentPort: 0 } };

/** A target as `/state` shows it. */
export interface TargetState {
  readonly target: string;
  readonly state: string;
  readonly why?: string;
  readonly tunnels: number;
  readonly requests: number;
  readonly shareOfRing: number;
  readonly shareOfTraffic: number;
}

/** What `/state` shows, as far as tests look at it. */
export interface AgentState {
  readonly connections: number;
  readonly handedOff: number;
  readonly tunnels: number;
  readonly held: { readonly clients: number; readonly bytes: number };
  readonly products: readonly { readonly product: string; readonly targets: readonly TargetState[] }[];
}

export async function readState({ adminUrl }: Agent): Promise<AgentState> {
  return JSON.parse((await send(`${adminUrl}/state`)).body);
}

/** The targets of a product, by their port. */
export async function readTargets(agent: Agent, product = 'default'): Promise<ReadonlyMap<number, TargetState>> {
  const { products } = await readState(agent);
  const targets = products.find((one) => one.product === product)?.targets ?? [];
  return new Map(targets.map((one) => [Number(/\d+$/.exec(one.target)), one]));
}

/** All samples of `/metrics`, by name with labels, as `tunnels_closed_total{cause="idle"}`; the prefix is left out. */
export async function readMetrics({ adminUrl }: Agent): Promise<ReadonlyMap<string, number>> {
  const { body } = await send(`${adminUrl}/metrics`);
  const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space).replace(/^gopush_agent_/, ''), Number(line.slice(space + 1))];
    }),
  );
}

/** Resolves when a metric has a value; one that is not there is 0. */
export async function untilMetric(agent: Agent, name: string, value: number): Promise<void> {
  await expect
    .poll(async () => (await readMetrics(agent)).get(name) ?? 0, { interval: 10, timeout: 30_000 })
    .toBe(value);
}

/** Resolves when this many clients wait for a target. */
export function untilHeld(agent: Agent, clients: number): Promise<void> {
  return untilMetric(agent, 'held', clients);
}

/** The state of one target, as `/state` calls it. */
export async function untilState(agent: Agent, port: number, state: string): Promise<TargetState> {
  const look = async (): Promise<string | undefined> => (await readTargets(agent)).get(port)?.state;
  await expect.poll(look, { interval: 10, timeout: 30_000 }).toBe(state);
  return (await readTargets(agent)).get(port) as TargetState;
}
