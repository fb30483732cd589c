import {
  defaultProduct,
  failed,
  maxProductBytes,
  nameFault,
  productParameter,
  type Result,
  success,
  uidParameter,
} from '@gopush/contract';
import { z } from 'zod';

/** Parameters that agents, or clients for them, add to every query. */
const ofAgents: ReadonlySet<string> = new Set([uidParameter, productParameter]);

/** The product of a request: that of `?product=`, or the default one. Failure: `payload_invalid`. */
export function productOf(query: URLSearchParams): Result<string> {
  const named = query.getAll(productParameter);
  if (named.length > 1) return failed('payload_invalid', 'product: given twice');
  const product = named[0] || defaultProduct;
  const fault = nameFault(product, maxProductBytes);
  return fault === undefined ? success(product) : failed('payload_invalid', `product: it is ${fault}`);
}

/** Reads a query into an object for a schema, with lists and integers if the schema has them. */
export function readQuery(query: URLSearchParams, schema: z.ZodObject): Result<Record<string, unknown>> {
  const values: Record<string, unknown> = Object.create(null);
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input' });
  for (const [name, all] of valuesByName(query)) {
    const wanted = Object.hasOwn(properties, name) ? (properties[name] as { type?: string }) : undefined;
    if (wanted === undefined && ofAgents.has(name)) continue;
    if (wanted?.type !== 'array' && all.length > 1)
      return failed('payload_invalid', `${name.slice(0, 80)}: given twice`);
    const [first = ''] = all;
    if (wanted?.type === 'array') values[name] = all;
    else values[name] = wanted?.type === 'integer' && /^\d{1,15}$/.test(first) ? Number(first) : first;
  }
  return success(values);
}

/** In one pass: `getAll` for each of thousands of names would look at all of them each time. */
function valuesByName(query: URLSearchParams): ReadonlyMap<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [name, value] of query) {
    const all = found.get(name);
    if (all === undefined) found.set(name, [value]);
    else all.push(value);
  }
  return found;
}
