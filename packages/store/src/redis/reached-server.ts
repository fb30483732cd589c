/** Facts that a Redis server returns about itself. Some managed servers forbid `INFO` and `ROLE`; then the values are absent. */
export interface ReachedServer {
  /** The `run_id`, which changes with each start of a server. */
  readonly id?: string;
  readonly role?: 'master' | 'replica';
}

/**
 * Whether a connection has to move to the server that its address leads to now.
 *
 * @param reached - the server of the connection
 * @param found - the server that a new connection to the same address has reached
 */
export function mustLeave(reached: ReachedServer, found: ReachedServer): boolean {
  // Never move to a replica: it may not have become master yet.
  if (found.role === 'replica') return false;
  if (reached.id !== undefined && found.id !== undefined) return reached.id !== found.id;
  // Without identities, only a server that is certainly wrong is left.
  return reached.role === 'replica';
}

/** Reads the reply to `INFO`. */
export function readInfo(info: Readonly<Record<string, string>>): ReachedServer {
  const { run_id: id, role } = info;
  return { ...(id ? { id } : {}), ...readRole(role) };
}

/** Reads the role that Redis names in `INFO` and `ROLE`. */
export function readRole(role: unknown): Pick<ReachedServer, 'role'> {
  if (role === 'master') return { role };
  return role === 'slave' ? { role: 'replica' } : {};
}

/** Returns the lines of `INFO` by name. */
export function parseInfo(text: string): Record<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => line.includes(':'));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}
