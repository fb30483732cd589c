import { failed, kindOf, type Result, success } from '@gopush/contract';
import { callHook } from '@gopush/hooks';
import type { Logger } from '@gopush/service';
import type { LoadedServerHook } from './read-server-hook.ts';
import type { Replacement, ServerClient, ServerHook } from './server-hook.ts';

/** The decisions of the server hook, each with a deadline. What the hook throws becomes a failure, which refuses. */
export interface Rules {
  /** Whether the hook has this function now. If not, the call can be skipped. */
  has(name: keyof ServerHook): boolean;
  mayConnect(client: ServerClient): Promise<Result<void>>;
  mayJoin(client: ServerClient, room: string): Promise<Result<void>>;
  /** @returns the data to publish: `data`, or its replacement by the hook */
  mayPublish(client: ServerClient, room: string, event: string, data: unknown): Promise<Result<unknown>>;
  /** The value of the client's ack. */
  respond(client: ServerClient, event: string, data: unknown): Promise<Result<unknown>>;
  migrated(client: ServerClient): Promise<Result<unknown>>;
  disconnected(client: ServerClient, reason: string): Promise<Result<unknown>>;
}

/**
 * Creates the rules of a server hook, which may be replaced at any time.
 *
 * @param current - the hook as it is now
 * @param timeoutMs - longest time of one call, in milliseconds
 * @param log - gets one warning for each function that seems to lack a `return`
 */
export function createRules(current: () => LoadedServerHook, timeoutMs: number, log: Logger): Rules {
  const decide = createVerdicts(log);
  async function ask(name: keyof ServerHook, call: (hook: ServerHook) => unknown): Promise<Asked> {
    const { hook, file } = current();
    const where = `${file}: ${name}`;
    const outcome = await callHook(() => call(hook), timeoutMs);
    if (outcome.ended === 'returned') return { where, result: success(outcome.value) };
    const cause = 'cause' in outcome ? outcome.cause : undefined;
    return { where, result: failed(`server_hook_${outcome.ended}`, where, cause) };
  }
  return {
    has: (name) => current().hook[name] !== undefined,
    async mayConnect(client) {
      const asked = await ask('onConnect', (hook) => hook.onConnect?.(client));
      // Most hooks only observe, and return nothing: refusing takes `false`.
      if (asked.result.ok && asked.result.value === undefined) return allowed;
      return decide(asked, 'connect_refused');
    },
    async mayJoin(client, room) {
      return decide(
        await ask('canJoin', (hook) => hook.canJoin === undefined || hook.canJoin(client, room)),
        'join_refused',
      );
    },
    async mayPublish(client, room, event, data) {
      const asked = await ask(
        'canPublish',
        (hook) => hook.canPublish === undefined || hook.canPublish(client, room, event, data),
      );
      const replaced = readReplacement(asked);
      if (replaced !== undefined) return replaced;
      const verdict = decide(asked, 'publish_refused');
      return verdict.ok ? success(data) : verdict;
    },
    respond: async (client, event, data) =>
      (await ask('onMessage', (hook) => hook.onMessage?.(client, event, data))).result,
    migrated: async (client) => (await ask('onMigrated', (hook) => hook.onMigrated?.(client))).result,
    disconnected: async (client, reason) =>
      (await ask('onDisconnect', (hook) => hook.onDisconnect?.(client, reason))).result,
  };
}

/** The result of a function of the hook. */
interface Asked {
  readonly where: string;
  readonly result: Result<unknown>;
}

/** Reads verdicts. Warns once if a function returns `undefined`, unless it has allowed something before. */
function createVerdicts(log: Logger): typeof readVerdict {
  const settled = new Set<string>();
  return (asked, refused) => {
    const verdict = readVerdict(asked, refused);
    const { where, result } = asked;
    if (settled.has(where)) return verdict;
    const isForgotten = result.ok && result.value === undefined;
    if (verdict.ok || isForgotten) settled.add(where);
    if (isForgotten) {
      log.warn(
        { hook: where },
        'it returned undefined, which refuses the client; wanted true or false: is a return statement missing?',
      );
    }
    return verdict;
  };
}

function readVerdict(
  { where, result }: Asked,
  refused: 'connect_refused' | 'join_refused' | 'publish_refused',
): Result<void> {
  if (!result.ok) return result;
  const { value } = result;
  if (value === true) return allowed;
  if (value === false || value === undefined || value === null) return failed(refused);
  return failed('server_hook_bad_value', `${where}: found ${kindOf(value)}, wanted true or false`);
}

/** The message with which `canPublish` replaced the client's; `undefined` if it returned a verdict. */
function readReplacement({ where, result }: Asked): Result<unknown> | undefined {
  if (!result.ok || kindOf(result.value) !== 'an object') return undefined;
  try {
    const value = result.value as Replacement;
    const keys = Object.keys(value);
    if (keys.length === 1 && keys[0] === 'message') return success(value.message);
  } catch (cause) {
    // A proxy that is revoked, or a property that throws.
    return failed('server_hook_bad_value', `${where}: found an object that cannot be read`, cause);
  }
  return failed('server_hook_bad_value', `${where}: found an object, wanted true, false or { message }`);
}

const allowed: Result<void> = success(undefined);
