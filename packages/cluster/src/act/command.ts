import { z } from 'zod';

/** Longest value of an action, in characters. */
export const longestValue = 1_500;

/** A command to a node, as it waits in the store. */
const commandSchema = z.object({
  v: z.literal(1),
  /** By which the node tells what became of it. */
  id: z.string().min(1).max(64),
  action: z.string().min(1).max(64),
  /** Such as a log level, or JSON; empty: none. */
  value: z.string().max(longestValue),
  /** Name of the operator's key, and the address from which it was asked. */
  by: z.string().max(200),
  from: z.string().max(200),
  /** Name of the node at which it was asked for. */
  via: z.string().max(200),
});

/** A command to a node. */
export type Command = z.output<typeof commandSchema>;

/** @returns `undefined` for bytes that are none */
export function readCommand(payload: Buffer): Command | undefined {
  try {
    return commandSchema.safeParse(JSON.parse(payload.toString())).data;
  } catch {
    return undefined;
  }
}
