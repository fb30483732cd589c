/** What a Redis server says of itself; what it does not say, as some managed ones forbid `INFO` and `ROLE`, is absent. */
export interface ReachedServer {
  /** The `run_id`: another one after each start of a server. */
  readonly id?: string;
  readonly role?: 'master' | 'replica';
}

/**
 * Whether a connection has to go where its address leads now.
 *
 * @param reached - the server of the connection
 * @param found - the server that a new connection to the same address has reached
 */
export function mustLeave(reached: ReachedServer, found: ReachedServer): boolean {
  // A replica takes nobody from the server that he has: it may not have taken over yet.
  if (found.role === 'replica') return false;
  if (reached.id !== undefined && found.id !== undefined) return reached.id !== found.id;
  // Without identities: only a server that cannot be right is left, in the hope of another one.
  return reached.role === 'replica';
}

/** Reads the answer to `INFO`. */
export function readInfo(info: Readonly<Record<string, string>>): ReachedServer {
  const { run_id: id, role } = info;
  return { ...(id ? { id } : {}), ...readRole(role) };
}

/** Reads the role that Redis names in `INFO` and `ROLE`. */
export function readRole(role: unknown): Pick<ReachedServer, 'role'> {
  if (role === 'master') return { role };
  return role === 'slave' ? { role: 'replica' } : {};
}

/** The lines of `INFO` by their names. */
export function parseInfo(text: string): Record<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => line.includes(':'));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}
