/**
 * What a hook returns for a client that may come in without being anyone: no uid, for a visitor who has not signed in. It is no text, so that no
 * uid can be taken for it, not even `'anonymous'`. `undefined`, `null`, `false` and `''` mean that the client is not known, and refuse it.
 *
 * Hook files that import nothing have it as `Symbol.for('gopush.anonymous')`.
 *
 * @example
 * export default defineAgent((request) => request.cookies.uid ?? anonymous);
 */
export const anonymous: unique symbol = Symbol.for('gopush.anonymous');
