/**
 * What a name is needed for. Without one for `correctness` a push-server does not start; without one for `speed` or `memory` that group is
 * switched off; without one for `figures` only a metric or a log line is less exact.
 */
export type Purpose = 'correctness' | 'speed' | 'memory' | 'figures';

/** What a name has to be. */
export type Kind = 'function' | 'number' | 'string' | 'boolean' | 'object' | 'array' | 'map';

/** The names of an object, in the form `purpose: kind`. */
export type NamesOf<T> = { readonly [Name in keyof T]-?: `${Purpose}: ${Kind}` };
