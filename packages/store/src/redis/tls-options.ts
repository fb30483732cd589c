import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import type { RedisConfig } from '@gopush/contract';

/** Settings that are PEM text, or the path of a PEM file. */
const pemKeys = ['ca', 'cert', 'key'] as const;

/**
 * Returns the TLS options for Redis. Files are read again for each connection, so that a renewed certificate is used; if that fails, the last
 * content is used.
 *
 * @throws TypeError that names the setting, for a file that cannot be read
 */
export function tlsOptions({ tlsOptions: settings }: RedisConfig): ConnectionOptions {
  const { servername, rejectUnauthorized } = settings;
  const options: ConnectionOptions = {
    ...(servername === undefined ? {} : { servername }),
    ...(rejectUnauthorized ? {} : { rejectUnauthorized }),
  };
  for (const key of pemKeys) {
    const value = settings[key];
    if (value === undefined) continue;
    if (isPem(value)) {
      options[key] = value;
      continue;
    }
    let last = readPem(key, value);
    Object.defineProperty(options, key, {
      enumerable: true,
      get() {
        try {
          last = readPem(key, value);
        } catch {
          // The file may be in the middle of a write.
        }
        return last;
      },
    });
  }
  return options;
}

function isPem(value: string): boolean {
  return value.includes('-----BEGIN ');
}

function readPem(key: string, file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new TypeError(
      `redisAdapter.tlsOptions.${key}: found ${file}, which cannot be read (${code}); wanted PEM, or a file of PEM seen from the project`,
    );
  }
  if (isPem(text)) return text;
  throw new TypeError(
    `redisAdapter.tlsOptions.${key}: found ${file}, which holds no PEM; wanted a file with -----BEGIN …`,
  );
}

const located = new WeakMap<RedisConfig, RedisConfig>();

/** Resolves paths of files relative to a project. Returns the same object for the same settings, which identifies connections to one address. */
export function locateRedisFiles(config: RedisConfig, dir: string): RedisConfig {
  const before = located.get(config);
  if (before !== undefined) return before;
  const tls = { ...config.tlsOptions };
  for (const key of pemKeys) {
    const value = tls[key];
    if (value !== undefined && !isPem(value)) tls[key] = resolve(dir, value);
  }
  const { path } = config;
  const after = { ...config, tlsOptions: tls, ...(path === undefined ? {} : { path: resolve(dir, path) }) };
  located.set(config, after);
  return after;
}
