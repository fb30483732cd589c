import { scopeEnd, scopeOfProduct } from '@gopush/contract';

/**
 * The prefix of the names of one product if `pushServer.isolateProducts` is on: rooms and users of different products are separate.
 * `''`: the default product, or all of them if products are not isolated.
 */
export type Scope = string;

/** Returns the scope of a product. */
export type ScopeOf = (product: string) => Scope;

/** @param isolated - `pushServer.isolateProducts` */
export function createScopeOf(isolated: boolean): ScopeOf {
  return (product) => scopeOfProduct(product, isolated);
}

/** The scope of a user, or of a room without its kind. */
export function scopeIn(name: string): Scope {
  return name.slice(0, name.lastIndexOf(scopeEnd) + 1);
}

/** The name without its scope: of a user, or of a room without its kind. */
export function withoutScope(name: string): string {
  return name.slice(name.lastIndexOf(scopeEnd) + 1);
}

/** The product of a scoped name, as programs outside see it: nothing for the default product, or if products are not isolated. */
export function productIn(name: string): { readonly product?: string } {
  const scope = scopeIn(name);
  return scope === '' ? {} : { product: scope.slice(0, -1) };
}
