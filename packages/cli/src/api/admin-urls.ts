import type { Config } from '@gopush/contract';

/** The admin listeners of this machine: that of the first process of each tier, then the others. None if ports are chosen by the system. */
export function adminUrls({ admin, agentWorkers, serverWorkers }: Config, isForAgents = false): readonly string[] {
  if (admin === null) return [];
  const { host, agentPort, serverPort } = admin;
  const ports = (first: number, workers: number): number[] =>
    first === 0 ? [] : Array.from({ length: workers }, (_, index) => first + index);
  const [agents, servers] = [ports(agentPort, agentWorkers), ports(serverPort, serverWorkers)];
  const all = isForAgents
    ? agents
    : [...agents.slice(0, 1), ...servers.slice(0, 1), ...agents.slice(1), ...servers.slice(1)];
  return all.map((port) => adminUrl(host, port));
}

/** An admin listener of this machine. @param host where it listens */
export function adminUrl(host: string, port: number): string {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}
