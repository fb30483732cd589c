import { noUser } from '@gopush/contract';
import { type AdminOptions, askAdmin } from '../api/ask-admin.ts';
import { askRouterApart } from '../ask-router-apart.ts';
import { CommandError } from '../command-error.ts';
import { loadProject, type Project } from '../project.ts';
import { clean } from '../screen/clean.ts';

/** Options of `gopush route`. */
export interface RouteOptions extends AdminOptions {
  readonly product?: string | undefined;
  /** Path and query of the client's request. @defaultValue `/` */
  readonly path?: string | undefined;
  /** Host of the client's request. */
  readonly host?: string | undefined;
  /** Address of the client. Without a uid it is an anonymous one. */
  readonly ip?: string | undefined;
  /** Further headers of the client's request, as `Name: value`. */
  readonly header?: readonly string[] | undefined;
  readonly json?: boolean;
}

/** What an agent says. */
interface Explained {
  readonly uid: string;
  readonly product: string;
  readonly entry: string;
  readonly target: string | null;
  readonly why: readonly string[];
  readonly ranking: readonly { readonly target: string; readonly connections?: number; readonly weight: number }[];
  /** File of the function that names the targets. */
  readonly function?: string;
  /** What the agent knows of targets that the function has named. */
  readonly known?: readonly { readonly target: string; readonly state: string; readonly why?: string }[];
  readonly pushServers?: readonly { readonly target: string; readonly weight: number }[];
}

/** `gopush route`: which target a new session of a client would get, step by step, as a running agent decides and by the project's own hooks. */
export async function route(uid: string | undefined, { json = false, ...options }: RouteOptions): Promise<void> {
  if (uid === undefined && options.ip === undefined) {
    throw new CommandError(2, 'route: wanted a uid, or --ip with the address of an anonymous client');
  }
  const { product, path, host, ip } = options;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ uid, product, path, host, ip }))
    if (value !== undefined) query.set(name, value);
  const response = await askAdmin({ path: `/cluster/route?${query}`, isForAgents: true }, options);
  const said = readExplained(await response.text());
  const {
    known: _,
    pushServers: __,
    ...explained
  } = said.function === undefined ? said : await callFunction(said, options);
  if (json) {
    process.stdout.write(`${JSON.stringify(explained)}\n`);
    return;
  }
  const others = explained.ranking.map(({ target }) => target).filter((target) => target !== explained.target);
  const lines = [
    `${uid ?? options.ip} of ${explained.product}: ${explained.target ?? 'no target'}`,
    ...explained.why.map((line) => `- ${line}`),
    ...(others.length > 0 ? [`then: ${others.join(', ')}`] : []),
  ];
  process.stdout.write(`${lines.map(clean).join('\n')}\n`);
}

/** Calls the function of the router, in a process of its own, and adds what the agent knows of the targets that it names. */
async function callFunction(said: Explained, options: RouteOptions): Promise<Explained> {
  const project = await loadProject(options).catch((error: Error) => error);
  if (project instanceof Error) {
    return {
      ...said,
      why: [...said.why, `nor here: ${project.message.split('\n', 1)[0]}; run this in the folder of the project`],
    };
  }
  const asked = await askRouterApart({
    location: { dir: project.dir, environment: project.environment },
    config: project.config,
    client: clientOf(said, options),
    pushServers: said.pushServers ?? [],
  });
  if (typeof asked === 'string') {
    throw new CommandError(1, `the router of this project, for ${said.uid || options.ip} of ${said.product}: ${asked}`);
  }
  const states = new Map(said.known?.map((one) => [one.target, one]));
  const isDown = (target: string): boolean => /^(ejected|not ready)$/.test(states.get(target)?.state ?? '');
  const ranking = asked.ranking.map(({ target, weight }) => ({ target, weight }));
  return {
    ...said,
    target: ranking.find(({ target }) => !isDown(target))?.target ?? null,
    why: [
      ...said.why.slice(0, -1),
      `a function of the router (${said.function}) names the targets: called here, with the hooks of ${describe(project)}`,
      ...asked.why,
      ...ranking
        .filter(({ target }) => isDown(target))
        .map(
          ({ target }) => `${target} takes no new clients: ${states.get(target)?.state}, ${states.get(target)?.why}`,
        ),
    ],
    ranking,
  };
}

function clientOf({ uid, product }: Explained, { path = '/', host, ip = '', header = [] }: RouteOptions) {
  const wrong = header.find((line) => !/^[\w!#$%&'*+.^`|~-]+:[^\r\n]*$/.test(line));
  if (wrong !== undefined) throw new CommandError(2, '--header: wanted lines such as "Cookie: theme=dark"');
  const headers = host === undefined ? header : [`Host: ${host}`, ...header];
  return { uid: uid || noUser, product, path, headers, ip };
}

function describe({ dir, environment }: Project): string {
  return `${dir}, environment ${environment}`;
}

function readExplained(text: string): Explained {
  try {
    const explained = JSON.parse(text) as Partial<Explained>;
    if (Array.isArray(explained.why) && Array.isArray(explained.ranking)) return explained as Explained;
  } catch {
    // Said below.
  }
  throw new CommandError(
    1,
    'the response of the admin listener is not a route; is it a listener of this version of gopush?',
  );
}
