import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const docs = (name: string): object =>
  JSON.parse(readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')) as object;

/** The part of zod that reads JSON Schemas. */
interface Zod {
  readonly fromJSONSchema: (schema: object) => {
    safeParse(value: unknown): { readonly success: boolean; readonly error?: { readonly message: string } };
  };
}

const contract = fileURLToPath(new URL('../../packages/contract/package.json', import.meta.url));
const { z } = createRequire(contract)('zod') as { z: Zod };

/**
 * Why the output of a command is not as the schema that is published for it says; `undefined`: it is.
 *
 * @param name - of a definition of docs/cli.schema.json; `status` and `top` have a file of their own
 */
export function outputFault(name: string, output: string): string | undefined {
  const whole = docs('cli.schema.json');
  const schema =
    name === 'status' || name === 'top' ? docs('cluster.schema.json') : { ...whole, $ref: `#/$defs/${name}` };
  return z.fromJSONSchema(schema).safeParse(JSON.parse(output)).error?.message;
}
