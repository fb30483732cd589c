import type { Cluster, Redis } from 'ioredis';

/** Keeps passwords and messages out of logs: errors of ioredis carry the arguments of their command. */
export function hideArguments<Client extends Redis | Cluster>(client: Client): Client {
  return client.on('error', withoutArguments) as Client;
}

/** Removes the arguments of the command from an error. */
function withoutArguments<E>(error: E): E {
  const { command } = (error ?? {}) as { readonly command?: { args?: unknown } };
  if (typeof command === 'object' && command !== null) delete command.args;
  return error;
}
