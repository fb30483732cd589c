export { type JwtOptions, type JwtPlace, type JwtRequest, type JwtVerifier, verifyJwt } from '@gopush/hooks/jwt';
