export type { JwtPlace, JwtRequest } from './find-token.ts';
export { type JwtOptions, type JwtVerifier, verifyJwt } from './verify-jwt.ts';
