import { type FailureCode, failed, type Result, success } from '@gopush/contract';
import type { z } from 'zod';

/**
 * Checks a part of a request against a schema. The detail of a failure names the field, and may be shown to the sender.
 *
 * @param what - the part of the request, if that is not the body
 */
export function check<T>(schema: z.ZodType<T>, value: unknown, what?: string): Result<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return success(parsed.data);
  const [issue] = parsed.error.issues;
  if (issue === undefined) return failed('payload_invalid');
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path;
  const problem = issue.code === 'unrecognized_keys' ? 'unknown field' : issue.message;
  const code = issue.code === 'custom' ? (issue.params?.code as FailureCode | undefined) : undefined;
  const field = path.join('.').slice(0, 80) || (what ?? 'body');
  return failed(code ?? 'payload_invalid', `${field}: ${problem}`);
}
