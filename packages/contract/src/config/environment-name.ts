/**
 * The name of the environment, which selects config and hook files: the given name, else `GOPUSH_ENV`, else `NODE_ENV`,
 * else `local`.
 *
 * @throws RangeError for a name that is not safe in a file name
 */
export function environmentName(
  asked: string | undefined,
  variables: Readonly<Record<string, string | undefined>>,
): string {
  const name = asked || variables.GOPUSH_ENV || variables.NODE_ENV || 'local';
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name)) {
    throw new RangeError(`environment ${JSON.stringify(name)}: a name consists of 1 to 64 letters, digits, - and _`);
  }
  return name;
}
