/** Where the file of certificates is kept that the machine has Node trust as well. */
const kept = 'TEST_EXTRA_CA_CERTS';

/**
 * Has the processes of a test run start without that file: Node 20 reads it at each start, which takes twice as long as all else that it does
 * before it runs code. What asks a registry gets it back by {@link registryEnv}.
 */
export function setAuthoritiesAside(): void {
  const { NODE_EXTRA_CA_CERTS: file } = process.env;
  if (file === undefined) return;
  process.env[kept] = file;
  delete process.env.NODE_EXTRA_CA_CERTS;
}

/** The environment of a program that asks a registry. */
export function registryEnv(): NodeJS.ProcessEnv {
  const { [kept]: file, ...env } = process.env;
  return file === undefined ? env : { ...env, NODE_EXTRA_CA_CERTS: file };
}
