import { type AdminOptions, askAdmin } from '../api/ask-admin.ts';
import { CommandError } from '../command-error.ts';
import { clean } from '../screen/clean.ts';

/** Options of `gopush route`. */
export interface RouteOptions extends AdminOptions {
  readonly product?: string | undefined;
  readonly json?: boolean;
}

/** What an agent says. */
interface Explained {
  readonly product: string;
  readonly target: string | null;
  readonly why: readonly string[];
  readonly ranking: readonly { readonly target: string }[];
}

/** `gopush route <uid>`: which target a new session of a user would get, step by step, as a running agent decides. */
export async function route(uid: string, { product, json = false, ...options }: RouteOptions): Promise<void> {
  const query = new URLSearchParams({ uid, ...(product === undefined ? {} : { product }) });
  const response = await askAdmin({ path: `/cluster/route?${query}`, isForAgents: true }, options);
  const text = await response.text();
  if (json) {
    process.stdout.write(`${text.trim()}\n`);
    return;
  }
  const explained = readExplained(text);
  const others = explained.ranking.map(({ target }) => target).filter((target) => target !== explained.target);
  const lines = [
    `${uid} of ${explained.product}: ${explained.target ?? 'no target'}`,
    ...explained.why.map((line) => `- ${line}`),
    ...(others.length > 0 ? [`then: ${others.join(', ')}`] : []),
  ];
  process.stdout.write(`${lines.map(clean).join('\n')}\n`);
}

function readExplained(text: string): Explained {
  try {
    const explained = JSON.parse(text) as Partial<Explained>;
    if (Array.isArray(explained.why) && Array.isArray(explained.ranking)) return explained as Explained;
  } catch {
    // Said below.
  }
  throw new CommandError(1, 'what the admin listener sent is no route; is it a listener of this version of gopush?');
}
