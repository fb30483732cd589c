import { z } from 'zod';
import { longestName } from './short-name.ts';

const count = z.number().min(0).max(Number.MAX_SAFE_INTEGER);
const name = z.string().max(longestName);

/** What an agent tells of its router: routes in the order in which they are tried, and products. */
export const routerSchema = z.object({
  routes: z
    .array(
      z.object({
        /** `null`: every host. */
        host: name.nullable(),
        /** `null`: every path. */
        path: name.nullable(),
        product: name,
        stripPath: z.boolean(),
        /** `null`: the setting of the product. */
        public: z.boolean().nullable(),
      }),
    )
    .max(1_000),
  products: z
    .array(
      z.object({
        product: name,
        from: z.enum(['built-in', 'list', 'dns', 'srv', 'function']),
        /** The file of the function, or the name in DNS; `null`: nothing more is to say. */
        of: name.nullable(),
        choose: name,
        sticky: name,
        public: z.boolean(),
        /** The targets that the router lists; `null`: others name them. */
        targets: z.array(name).max(100).nullable(),
      }),
    )
    .max(1_000),
  /** Number of entries that the lists leave out. */
  leftOut: z.object({ routes: count, products: count }),
});

/** What an agent tells of its router. */
export type RouterFacts = z.output<typeof routerSchema>;

/** The response to `GET /cluster/routes`. */
export interface RouterState extends RouterFacts {
  readonly v: 1;
  /** Name of the agent whose router it is. */
  readonly by: string;
}
